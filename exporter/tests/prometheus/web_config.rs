//! Prometheus scrapes over TLS, with a certificate and a password of its own.

use std::{fs, process::Command};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

use crate::{
    exporter::{Exporter, Folder, PROGRAM},
    server::{PROTOBUF, Prometheus, TEXT},
    tools::{or_skip, prometheus_tool, root},
};

/// An authority, and certificates for both sides.
fn write_certificates(folder: &Folder) {
    let write = |name: &str, text: String| fs::write(folder.path().join(name), text).expect("written");
    let mut params = CertificateParams::new([]).expect("valid");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("signed");
    write("ca.crt", issuer.pem());
    for (name, host) in [("server", "127.0.0.1"), ("client", "prometheus.example")] {
        let key = KeyPair::generate().expect("a key");
        let params = CertificateParams::new([host.to_owned()]).expect("valid");
        write(&format!("{name}.crt"), params.signed_by(&key, &issuer).expect("signed").pem());
        write(&format!("{name}.key"), key.serialize_pem());
    }
}

/// Writes a web config that asks for everything, and gives its path.
fn write_web_config(folder: &Folder) -> String {
    write_certificates(folder);
    let hash = bcrypt::hash("secret", 10).expect("hashed");
    let web = format!(
        "tls_server_config:\n  cert_file: server.crt\n  key_file: server.key\n  client_ca_file: ca.crt\n  \
         client_auth_type: RequireAndVerifyClientCert\n  client_allowed_sans: [prometheus.example]\n\
         basic_auth_users: {{prometheus: {hash}}}\nrate_limit: {{interval: 10ms, burst: 20}}\n"
    );
    let path = folder.path().join("web.yml");
    fs::write(&path, web).expect("written");
    path.to_str().expect("a path of ours").to_owned()
}

#[test]
fn prometheus_scrapes_with_certificate_and_password() {
    or_skip!(root());
    let program = or_skip!(prometheus_tool("prometheus"));
    let folder = Folder::new();
    let web = write_web_config(&folder);
    let exporter = Exporter::start(&format!("web_config_file: {web}\n"));
    let at = folder.path().display();
    let access = |password: &str| {
        format!(
            "  scheme: https\n  basic_auth: {{username: prometheus, password: {password}}}\n  tls_config: {{ca_file: \
             {at}/ca.crt, cert_file: {at}/client.crt, key_file: {at}/client.key}}\n"
        )
    };
    let is_up = |prometheus: &Prometheus, job: &str, expected: &str| {
        let up = prometheus.query(&format!("up{{job='{job}'}}"));
        up.first().is_some_and(|series| series["value"][1] == expected)
    };
    let jobs = [TEXT, PROTOBUF];
    let prometheus = Prometheus::start_with(&program, exporter.address(), &jobs, &access("secret"));
    for job in &jobs {
        prometheus.until("it is scraped", |prometheus| is_up(prometheus, job.name, "1"));
    }
    prometheus.until("its metrics arrive", |prometheus| {
        !prometheus.query("kernel_exporter_web_config_last_reload_successful == 1").is_empty()
    });
    drop(prometheus);
    let stranger = Prometheus::start_with(&program, exporter.address(), &[TEXT], &access("wrong"));
    stranger.until("it is refused", |prometheus| is_up(prometheus, "text", "0"));
}

#[test]
fn a_bad_web_config_is_refused_before_anything_starts() {
    let folder = Folder::new();
    let web = write_web_config(&folder);
    let run = |command: &str| {
        let output = Command::new(PROGRAM).args([command, "--web.config.file", &web]).output();
        let output = output.expect("the exporter starts");
        let text = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8_lossy(&text).into_owned())
    };
    let (code, text) = run("check");
    assert_eq!(code, Some(0), "{text}");
    assert!(
        text.contains("TLS, client certificates required and verified, 1 user, a request per 10ms"),
        "{text}"
    );
    fs::remove_file(folder.path().join("server.key")).expect("removed");
    for command in ["check", "run"] {
        let (code, text) = run(command);
        assert_eq!(code, Some(2), "{command}: {text}");
        assert!(text.contains("web.yml:3:13: tls_server_config.key_file: "), "{text}");
    }
}
