//! Certificates of clients.

use rcgen::SanType;

use crate::{authority::Authority, bench::Bench, client::Client};

const CA: &str = "  client_ca_file: ca.crt\n";

fn is_let_in(bench: &Bench, client: &Client) -> bool {
    // In TLS 1.3 a client learns that it is refused when it reads.
    bench.get(client, "/metrics", "").is_ok_and(|response| response.status() == 200)
}

/// Who is let in by each policy: without a certificate, with a good one, with one of another authority, with
/// one that has expired.
#[test]
fn each_policy_lets_in_whom_it_should() {
    for (policy, ca, expected) in [
        ("NoClientCert", "", [true, true, true, true]),
        ("RequestClientCert", "", [true, true, true, true]),
        ("RequireAnyClientCert", "", [false, true, true, true]),
        ("RequireClientCert", "", [false, true, true, true]),
        ("VerifyClientCertIfGiven", CA, [true, true, false, false]),
        ("RequireAndVerifyClientCert", CA, [false, true, false, false]),
    ] {
        let (bench, authority) = Bench::tls(&format!("  client_auth_type: {policy}\n{ca}"));
        let clients = [
            Client::of(&authority),
            Client::showing(&authority, &authority.issue("prometheus.example")),
            Client::showing(&authority, &Authority::new().issue("prometheus.example")),
            Client::showing(&authority, &authority.issue_expired("prometheus.example")),
        ];
        assert_eq!(clients.map(|client| is_let_in(&bench, &client)), expected, "{policy}");
    }
}

#[test]
fn only_the_allowed_names_are_let_in() {
    let (bench, authority) = Bench::tls(&format!(
        "  client_auth_type: RequireAndVerifyClientCert\n{CA}  client_allowed_sans: [prometheus.example, \
         10.0.0.1, 'spiffe://cluster/monitoring', ops@example.org]\n"
    ));
    let dns = |name: &str| SanType::DnsName(name.try_into().expect("ASCII"));
    for (name, expected) in [
        (dns("prometheus.example"), true),
        (dns("prometheus.example.org"), false),
        (dns("*.example"), false),
        (dns("10.0.0.1"), true),
        (SanType::IpAddress("10.0.0.1".parse().expect("an address")), true),
        (SanType::IpAddress("10.0.0.2".parse().expect("an address")), false),
        (SanType::URI("spiffe://cluster/monitoring".try_into().expect("ASCII")), true),
        (SanType::URI("spiffe://cluster/monitoring/".try_into().expect("ASCII")), false),
        (SanType::Rfc822Name("ops@example.org".try_into().expect("ASCII")), true),
    ] {
        let client = Client::showing(&authority, &authority.issue_to(name.clone()));
        assert_eq!(is_let_in(&bench, &client), expected, "{name:?}");
    }
    // A right name under a wrong authority is none.
    let stranger = Authority::new().issue("prometheus.example");
    assert!(!is_let_in(&bench, &Client::showing(&authority, &stranger)));
}
