//! What is sent again, against `RetransSegs`.

use std::{
    io::{Read as _, Write as _},
    thread::sleep,
    time::Duration,
};

use super::{net::*, *};

const RETRANSMITS: &str = "kernel_tcp_retransmits_total";

/// Sockets that are deaf for a while let the other end repeat itself.
#[test]
fn retransmits_are_as_many_as_the_kernel_counts() {
    let Some(_turn) = turn() else { return };
    let cgroup = Cgroup::make("tcp");
    let exporter = Exporter::start(CONFIG);
    let mut worker = worker(&cgroup, |job| {
        counted(job, || {
            let listener = listen("127.0.0.1:0");
            let mut pair = connect(&listener);
            // Data, which is to be sent as more than one segment at first.
            be_deaf(&pair.there, true);
            pair.here.write_all(&[1; 200_000]).expect("there is room in its buffer");
            sleep(Duration::from_millis(900));
            be_deaf(&pair.there, false);
            pair.there.read_exact(&mut [0; 200_000]).expect("it comes in the end");
            drop(pair);
            // A SYN.
            let silent = listen("127.0.0.1:0");
            be_deaf(&silent, true);
            let waiting = begin_to_connect(silent.local_addr().expect("bound"), |_| {});
            sleep(Duration::from_millis(1500));
            be_deaf(&silent, false);
            assert_eq!(end_of_connect(&waiting), 0);
            drop(waiting);
            // A SYN-ACK.
            let deaf =
                begin_to_connect(listener.local_addr().expect("bound"), |socket| be_deaf(socket, true));
            sleep(Duration::from_millis(1500));
            be_deaf(&deaf, false);
            assert_eq!(end_of_connect(&deaf), 0);
            drop(deaf);
            drop((listener, silent));
        });
    });
    let (between, ()) = exporter.during(|| worker.work());
    let of =
        |state| between.count(RETRANSMITS, &[("cgroup", &cgroup.path), ("network_connection_state", state)]);
    let [data, syn, syn_ack] = ["established", "syn_sent", "syn_received"].map(of);
    assert!(data > 0 && syn > 0 && syn_ack > 0, "{data} of data, {syn} of SYN, {syn_ack} of SYN-ACK");
    let kernel = kernel_count(&worker, "RetransSegs");
    let all = between.count(RETRANSMITS, &[("cgroup", &cgroup.path)]);
    exactly(&between, RETRANSMITS, "/proc/net/snmp", all, kernel);
}

/// Where the kernel can lose packets on purpose.
#[test]
fn losses_are_made_good() {
    let Some(_turn) = turn() else { return };
    let cgroup = Cgroup::make("tcp");
    let exporter = Exporter::start(CONFIG);
    let mut worker = worker(&cgroup, |job| {
        let is_lossy = shaping::shape_loopback(Duration::from_millis(1), 0.1);
        job.set(0, is_lossy.into());
        if is_lossy {
            counted(job, || {
                let listener = listen("127.0.0.1:0");
                let mut pair = connect(&listener);
                let mut here = pair.here.try_clone().expect("a descriptor");
                let sender = std::thread::spawn(move || here.write_all(&vec![1; 8_000_000]));
                pair.there.read_exact(&mut vec![0; 8_000_000]).expect("it comes in the end");
                sender.join().expect("no panic").expect("sent");
            });
        }
    });
    let (between, ()) = exporter.during(|| worker.work());
    if worker.get(0) == 0 {
        assert!(!std::path::Path::new("/sys/module/sch_netem").exists(), "netem is there");
        return; // the other test tells as much without losses
    }
    let kernel = kernel_count(&worker, "RetransSegs");
    assert!(kernel > 0, "nothing was lost");
    let all = between.count(RETRANSMITS, &[("cgroup", &cgroup.path)]);
    exactly(&between, RETRANSMITS, "/proc/net/snmp, with losses", all, kernel);
}
