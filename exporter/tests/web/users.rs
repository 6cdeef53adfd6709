//! Users and passwords.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    sync::atomic::{AtomicU32, Ordering},
    thread,
    time::{Duration, Instant},
};

use crate::{
    authority::Folder,
    bench::Bench,
    client::{Client, Response, basic},
};

/// A line for a user; the lowest cost there is.
pub(crate) fn user(name: &str, password: &str) -> String {
    user_at_cost(name, password, 4)
}

fn user_at_cost(name: &str, password: &str, cost: u32) -> String {
    format!("  {name}: {}\n", bcrypt::hash(password, cost).expect("hashed"))
}

fn bench(users: &[String]) -> Bench {
    Bench::start(&Folder::new(), &format!("basic_auth_users:\n{}", users.concat()))
}

fn get(bench: &Bench, path: &str, headers: &str) -> Response {
    bench.get(&Client::plain(), path, headers).expect("a response")
}

#[test]
fn who_has_no_password_gets_nothing() {
    let bench = bench(&[user("alice", "secret"), user("bob", "other")]);
    for path in
        ["/metrics", "/", "/page/main.js", "/api/live", "/docs/metrics.md", "/healthz", "/readyz", "/nothing"]
    {
        let response = get(&bench, path, "");
        assert_eq!((response.status(), response.header("www-authenticate")), (401, Some("Basic")), "{path}");
        assert_eq!(response.body, "unauthorized\n");
    }
    for headers in [
        basic("alice", "other"),
        basic("alice", ""),
        basic("alice", "secret "),
        basic("Alice", "secret"),
        basic("carol", "secret"),
        basic("", ""),
        "Authorization: Basic\r\n".to_owned(),
        "Authorization: Basic !!!\r\n".to_owned(),
        "Authorization: Basic YWxpY2U=\r\n".to_owned(),
        "Authorization: Bearer c2VjcmV0\r\n".to_owned(),
        "Authorization: \u{fffd}\r\n".to_owned(),
    ] {
        assert_eq!(get(&bench, "/metrics", &headers).status(), 401, "{headers}");
    }
    assert!(bench.delivered.lock().expect("no panic").is_empty());
    for headers in [basic("alice", "secret"), basic("bob", "other"), basic("alice", "secret")] {
        assert_eq!(get(&bench, "/metrics", &headers).status(), 200);
        assert_eq!(get(&bench, "/healthz", &headers).status(), 200);
    }
    let metrics = get(&bench, "/metrics", &basic("alice", "secret"));
    let refused = "kernel_exporter_requests_refused_total{reason=\"unauthorized\"}";
    assert_eq!(metrics.sample(refused), Some(19.0));
}

/// A body that comes along with a request that is refused is not taken for another request.
#[test]
fn nothing_is_smuggled_behind_a_refusal() {
    let bench = bench(&[user("alice", "secret")]);
    let mut stream = TcpStream::connect(bench.address).expect("it listens");
    let smuggled = format!("GET /metrics HTTP/1.1\r\nHost: t\r\n{}\r\n", basic("alice", "secret"));
    let length = smuggled.len();
    write!(stream, "GET / HTTP/1.1\r\nHost: t\r\nContent-Length: {length}\r\n\r\n{smuggled}").expect("sent");
    stream.set_read_timeout(Some(Duration::from_secs(10))).expect("valid");
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer);
    assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{answer}");
    assert!(answer.starts_with("HTTP/1.1 401 "), "{answer}");
}

/// Names that are no user's take as long as wrong passwords; what was accepted once takes no time.
#[test]
fn time_tells_no_names() {
    let bench = bench(&[user_at_cost("alice", "secret", 8)]);
    let time = |name: &str, password: &str| {
        let begun = Instant::now();
        get(&bench, "/healthz", &basic(name, password));
        begun.elapsed()
    };
    // The pause after a wrong password is over before the next one is measured, if each waits as long.
    let median = |name: &str| {
        let mut times: Vec<_> = (0..9)
            .map(|_| {
                let time = time(name, "wrong");
                thread::sleep(time * 4);
                time
            })
            .collect();
        times.sort();
        times[4]
    };
    let (known, unknown) = (median("alice"), median("mallory"));
    assert!(unknown > known / 2 && unknown < known * 2, "{known:?}, {unknown:?}");
    time("alice", "secret");
    let mut accepted: Vec<_> = (0..9).map(|_| time("alice", "secret")).collect();
    accepted.sort();
    assert!(accepted[4] < known / 3, "{:?}, {known:?}", accepted[4]);
}

/// Strangers who try a thousand passwords cost little, and a scraper that was let in before does not notice.
#[test]
fn a_thousand_wrong_passwords_do_not_stall_scrapes() {
    let bench = bench(&[user_at_cost("alice", "secret", 10)]);
    let right = basic("alice", "secret");
    assert_eq!(get(&bench, "/metrics", &right).status(), 200);
    let tries = AtomicU32::new(0);
    let slowest = thread::scope(|scope| {
        let attack = || {
            loop {
                let number = tries.fetch_add(1, Ordering::Relaxed);
                if number >= 1000 {
                    break;
                }
                // Names of users and others.
                let name = if number.is_multiple_of(2) { "alice" } else { "mallory" };
                let status = get(&bench, "/metrics", &basic(name, &format!("guess-{number}"))).status();
                assert!(matches!(status, 401 | 503), "{status}");
            }
        };
        let attackers: Vec<_> = (0..20).map(|_| scope.spawn(attack)).collect();
        let mut slowest = Duration::ZERO;
        while !attackers.iter().all(|attacker| attacker.is_finished()) {
            let begun = Instant::now();
            assert_eq!(get(&bench, "/metrics", &right).status(), 200);
            slowest = slowest.max(begun.elapsed());
        }
        slowest
    });
    println!("the slowest scrape took {slowest:?}");
    assert!(slowest < Duration::from_secs(2), "{slowest:?}");
    let metrics = get(&bench, "/metrics", &right);
    let refused = |reason: &str| {
        metrics
            .sample(&format!("kernel_exporter_requests_refused_total{{reason=\"{reason}\"}}"))
            .expect("a sample")
    };
    assert_eq!(refused("unauthorized") + refused("busy"), 1000.0);
}
