//! A static executable brings its resolver along: names come from /etc/hosts and from DNS as they do elsewhere.

use std::{
    io::{Read as _, Write as _},
    net::{Ipv4Addr, TcpListener, UdpSocket},
    thread,
    time::Duration,
};

use serde_json::json;

use crate::{
    container::Pods,
    harness::{turn, wait_for},
    kubernetes::with_components,
    tools::or_skip,
};

/// Where the names lead, each to an address of its own.
const BY_HOSTS: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);
const BY_DNS: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 3);

#[test]
fn endpoints_are_found_by_name() {
    let Some(_turn) = turn() else { return };
    let mut objects = or_skip!(with_components("container-names", &[]));
    for object in &mut objects {
        match object["kind"].as_str() {
            Some("ConfigMap") => {
                let endpoints = [BY_HOSTS, BY_DNS].map(|address| {
                    let name = if address == BY_HOSTS { "receiver.hosts.test" } else { "receiver.dns.test" };
                    json!({ "url": format!("http://{name}:4318") })
                });
                let config =
                    json!({ "listen": "0.0.0.0:9985", "otlp": { "endpoints": endpoints, "interval": "1s" } });
                object["data"]["config.yaml"] = json!(config.to_string());
            }
            Some("DaemonSet") => {
                // As the kubelet lays them out; podman makes none where there is no network.
                let pod = &mut object["spec"]["template"]["spec"];
                let volume = json!({ "name": "names", "configMap": { "name": "names" } });
                pod["volumes"].as_array_mut().expect("volumes").push(volume);
                for file in ["hosts", "resolv.conf"] {
                    let path = format!("/etc/{file}");
                    let mount =
                        json!({ "name": "names", "mountPath": path, "subPath": file, "readOnly": true });
                    pod["containers"][0]["volumeMounts"].as_array_mut().expect("mounts").push(mount);
                }
            }
            _ => {}
        }
    }
    objects.push(json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": { "name": "names" },
        "data": {
            "hosts": format!("{BY_HOSTS} receiver.hosts.test\n"),
            "resolv.conf": "nameserver 127.0.0.1\n",
        },
    }));
    let pods = or_skip!(Pods::play(&objects));
    pods.only().inside(|| {
        let server = UdpSocket::bind("127.0.0.1:53").expect("the network is the pod's own");
        thread::spawn(move || answer_questions(&server));
        for address in [BY_HOSTS, BY_DNS] {
            let listener = TcpListener::bind((address, 4318)).expect("the network is the pod's own");
            assert!(first_request(&listener).starts_with("POST /v1/metrics HTTP/1.1\r\n"), "{address}");
        }
    });
}

/// What comes first on the first connection.
fn first_request(listener: &TcpListener) -> String {
    let mut accepted = None;
    listener.set_nonblocking(true).expect("a socket");
    wait_for("somebody connects", || {
        accepted = listener.accept().ok();
        accepted.is_some()
    });
    let (mut connection, _) = accepted.expect("waited for");
    connection.set_nonblocking(false).expect("a socket");
    connection.set_read_timeout(Some(Duration::from_secs(60))).expect("a timeout");
    let mut head = [0; 128];
    connection.read_exact(&mut head).expect("a request");
    let _ = connection.write_all(b"HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\n\r\n");
    String::from_utf8_lossy(&head).into_owned()
}

/// A name server that knows one name's address (RFC 1035, section 4).
fn answer_questions(server: &UdpSocket) {
    const NAME: &[u8] = b"\x08receiver\x03dns\x04test\0";
    const HEADER: usize = 12;
    const TYPE_A: u8 = 1;
    let mut question = [0; 512];
    while let Ok((length, client)) = server.recv_from(&mut question) {
        let end = HEADER + NAME.len() + 4;
        let known = length >= end && question[HEADER..].starts_with(NAME);
        let of_address = known && question[end - 3] == TYPE_A;
        let mut answer = question[..end.min(length)].to_vec();
        answer[2..HEADER].fill(0);
        // An authoritative answer to one question; code 3 is "no such name".
        answer[2..4].copy_from_slice(&[0x84, if known { 0 } else { 3 }]);
        answer[5] = 1;
        if of_address {
            answer[7] = 1;
            // The name as in the question, type and class, a minute, four bytes of address.
            answer.extend([0xC0, HEADER as u8, 0, TYPE_A, 0, 1, 0, 0, 0, 60, 0, 4]);
            answer.extend(BY_DNS.octets());
        }
        let _ = server.send_to(&answer, client);
    }
}
