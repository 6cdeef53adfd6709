//! TLS.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
};

use rustls::{
    crypto::ring::{self, cipher_suite, kx_group},
    version::{TLS12, TLS13},
};

use crate::{
    authority::{Authority, Folder},
    bench::Bench,
    client::Client,
};

#[test]
fn scrapes_go_over_tls_and_name_the_scraper() {
    let (bench, authority) = Bench::tls("");
    let agent = "User-Agent: Prometheus/3.5.3\r\n";
    let response = bench.get(&Client::of(&authority), "/metrics", agent).expect("a response");
    assert_eq!(response.status(), 200);
    assert_eq!(response.sample("kernel_exporter_web_config_last_reload_successful"), Some(1.0));
    assert_eq!(*bench.delivered.lock().expect("no panic"), ["127.0.0.1 Prometheus/3.5.3"]);
}

#[test]
fn certificate_and_key_may_stand_in_the_file() {
    let authority = Authority::new();
    let identity = authority.issue("localhost");
    let block = |text: &str| format!("|\n    {}", text.trim_end().replace('\n', "\n    "));
    let (certificate, key) = (block(&identity.certificate), block(&identity.key));
    let bench =
        Bench::start(&Folder::new(), &format!("tls_server_config:\n  cert: {certificate}\n  key: {key}\n"));
    assert_eq!(bench.get(&Client::of(&authority), "/healthz", "").expect("a response").status(), 200);
}

#[test]
fn clients_refuse_strangers_and_what_has_expired() {
    let (bench, _) = Bench::tls("");
    let error = bench.get(&Client::of(&Authority::new()), "/", "").err().expect("another authority");
    assert!(
        error.to_string().contains("UnknownIssuer") || error.to_string().contains("BadSignature"),
        "{error}"
    );

    let (folder, authority) = (Folder::new(), Authority::new());
    authority.issue_expired("localhost").write(&folder, "server");
    let bench = Bench::start(&folder, "tls_server_config: {cert_file: server.crt, key_file: server.key}");
    let error = bench.get(&Client::of(&authority), "/", "").err().expect("expired");
    assert!(error.to_string().contains("expired"), "{error}");
}

#[test]
fn plain_http_is_told_that_this_is_tls() {
    let (bench, authority) = Bench::tls("");
    let response = bench.get(&Client::plain(), "/metrics", "").expect("a response");
    assert_eq!(response.status(), 400);
    assert_eq!(response.body, "Client sent an HTTP request to an HTTPS server.\n");

    // Neither TLS nor HTTP: an alert at most.
    let mut stream = TcpStream::connect(bench.address).expect("it listens");
    stream.write_all(&[0; 64]).expect("sent");
    let mut answer = Vec::new();
    // The server may reset the connection, as it has not read everything.
    let _ = stream.read_to_end(&mut answer);
    assert!(answer.len() < 16, "{answer:?}");

    let metrics = bench.get(&Client::of(&authority), "/metrics", "").expect("a response");
    assert_eq!(metrics.sample("kernel_exporter_tls_handshake_errors_total"), Some(2.0));
}

#[test]
fn versions_are_those_asked_for() {
    for (more, is_12, is_13) in [
        ("", true, true),
        ("  min_version: TLS10\n", true, true),
        ("  min_version: TLS13\n", false, true),
        ("  max_version: TLS12\n", true, false),
    ] {
        let (bench, authority) = Bench::tls(more);
        for (version, expected) in [(&TLS12, is_12), (&TLS13, is_13)] {
            let client = Client::with(&authority, None, &[version], ring::default_provider());
            assert_eq!(bench.get(&client, "/healthz", "").is_ok(), expected, "{more} {version:?}");
        }
    }
}

#[test]
fn suites_and_curves_are_those_asked_for() {
    let (bench, authority) = Bench::tls(
        "  cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384]\n  curve_preferences: [CurveP384]\n",
    );
    let connects = |version, suite, group| {
        let mut provider = ring::default_provider();
        provider.cipher_suites.retain(|other| other.suite() == suite);
        provider.kx_groups = vec![group];
        bench.get(&Client::with(&authority, None, &[version], provider), "/healthz", "").is_ok()
    };
    let (asked, other) = (
        cipher_suite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384.suite(),
        cipher_suite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256.suite(),
    );
    assert!(connects(&TLS12, asked, kx_group::SECP384R1));
    assert!(!connects(&TLS12, other, kx_group::SECP384R1));
    assert!(!connects(&TLS12, asked, kx_group::X25519));
    // The list of suites is about TLS 1.2.
    assert!(connects(&TLS13, cipher_suite::TLS13_AES_128_GCM_SHA256.suite(), kx_group::SECP384R1));
}

#[test]
fn headers_are_on_every_response() {
    let folder = Folder::new();
    let bench = Bench::start(
        &folder,
        "http_server_config:\n  http2: true\n  headers:\n    Content-Security-Policy: \"default-src 'self'\"\n    \
         X-Frame-Options: deny\n    Strict-Transport-Security: max-age=300\n    X-XSS-Protection: \"\"\n",
    );
    for (path, status) in [("/", 200), ("/healthz", 200), ("/nothing", 404)] {
        let response = bench.get(&Client::plain(), path, "").expect("a response");
        assert_eq!(response.status(), status);
        assert_eq!(response.header("content-security-policy"), Some("default-src 'self'"), "{path}");
        assert_eq!(response.header("x-frame-options"), Some("deny"));
        assert_eq!(response.header("strict-transport-security"), Some("max-age=300"));
        assert_eq!(response.header("x-content-type-options"), Some("nosniff"), "ours stays");
        assert_eq!(response.header("x-xss-protection"), None);
    }
}
