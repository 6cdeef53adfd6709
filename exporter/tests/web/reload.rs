//! Files that change while the server runs.

use std::{
    fs,
    os::unix::fs::symlink,
    sync::atomic::{AtomicBool, AtomicU32, Ordering},
    thread,
    time::Duration,
};

use crate::{
    authority::{Authority, Folder},
    bench::{Bench, TLS},
    client::{Client, basic},
    users::user,
};

const SUCCESSFUL: &str = "kernel_exporter_web_config_last_reload_successful";

/// A certificate of another authority takes over, and no scrape fails: each client believes both.
#[test]
fn a_certificate_is_renewed_under_running_scrapes() {
    let (bench, first) = Bench::tls("");
    let second = Authority::new();
    let done = AtomicBool::new(false);
    let scrapes = AtomicU32::new(0);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    let clients = [Client::of(&first), Client::of(&second)];
                    let status = clients
                        .iter()
                        .find_map(|client| bench.get(client, "/metrics", "").ok())
                        .map(|response| response.status());
                    // Had it changed between the two tries, the first would succeed now.
                    let status = status.or_else(|| {
                        bench.get(&clients[1], "/metrics", "").ok().map(|response| response.status())
                    });
                    assert_eq!(status, Some(200));
                    scrapes.fetch_add(1, Ordering::Relaxed);
                    thread::sleep(Duration::from_millis(5));
                }
            });
        }
        let identity = second.issue("localhost");
        // One after the other, so that for a moment they do not belong together.
        bench.folder.write("server.crt", &identity.certificate);
        thread::sleep(Duration::from_millis(1500));
        bench.folder.write("server.key", &identity.key);
        bench.until("the new certificate is shown", || {
            bench.get(&Client::of(&second), "/healthz", "").is_ok()
        });
        assert!(bench.get(&Client::of(&first), "/healthz", "").is_err(), "the old one is not");
        done.store(true, Ordering::Relaxed);
    });
    assert!(scrapes.into_inner() > 20);
    let metrics = bench.get(&Client::of(&second), "/metrics", "").expect("a response");
    assert_eq!(metrics.sample(SUCCESSFUL), Some(1.0));
}

/// Kubernetes mounts secrets as links into a folder behind a link, which it replaces.
#[test]
fn links_that_lead_elsewhere_are_followed() {
    let (folder, first, second) = (Folder::new(), Authority::new(), Authority::new());
    for (version, authority) in [("..v1", &first), ("..v2", &second)] {
        fs::create_dir(folder.path(version)).expect("a folder");
        let identity = authority.issue("localhost");
        folder.write(&format!("{version}/server.crt"), &identity.certificate);
        folder.write(&format!("{version}/server.key"), &identity.key);
    }
    symlink("..v1", folder.path("..data")).expect("a link");
    for name in ["server.crt", "server.key"] {
        symlink(format!("..data/{name}"), folder.path(name)).expect("a link");
    }
    let bench = Bench::start(&folder, &format!("tls_server_config:\n  {TLS}"));
    assert!(bench.get(&Client::of(&first), "/healthz", "").is_ok());
    symlink("..v2", folder.path("..tmp")).expect("a link");
    fs::rename(folder.path("..tmp"), folder.path("..data")).expect("renamed");
    bench.until("the new certificate is shown", || bench.get(&Client::of(&second), "/healthz", "").is_ok());
}

#[test]
fn what_was_in_force_stays_while_the_file_is_broken() {
    let users = format!("basic_auth_users:\n{}", user("alice", "secret"));
    let bench = Bench::start(&Folder::new(), &users);
    let get = |password: &str| {
        bench.get(&Client::plain(), "/metrics", &basic("alice", password)).expect("a response")
    };
    let loaded = "kernel_exporter_web_config_last_reload_success_timestamp_seconds";
    let begun = get("secret").sample(loaded).expect("a time");
    for broken in [
        "basic_auth_userz: {}\n",
        "basic_auth_users: [\n",
        // Valid, but it would open the door.
        "",
        "basic_auth_users: {}\n",
        // Would make it a server that speaks something else.
        "tls_server_config: {cert_file: missing.crt, key_file: missing.key}\n",
    ] {
        bench.folder.write("web.yml", broken);
        bench.until("the metric shows it", || get("secret").sample(SUCCESSFUL) == Some(0.0));
        assert_eq!(bench.get(&Client::plain(), "/metrics", "").expect("a response").status(), 401);
        bench.folder.write("web.yml", &users);
        bench.until("the metric shows it", || get("secret").sample(SUCCESSFUL) == Some(1.0));
    }
    assert!(get("secret").sample(loaded).expect("a time") > begun);

    fs::remove_file(bench.folder.path("web.yml")).expect("removed");
    bench.until("the metric shows it", || get("secret").sample(SUCCESSFUL) == Some(0.0));
    bench.folder.write("web.yml", &format!("basic_auth_users:\n{}", user("alice", "changed")));
    bench.until("the new password is in force", || get("changed").status() == 200);
    assert_eq!(get("secret").status(), 401, "what was accepted before is not any more");
}

/// What is about requests changes on connections that are open, too.
#[test]
fn users_headers_and_rates_change_without_a_restart() {
    let bench = Bench::start(&Folder::new(), "http_server_config: {headers: {X-Frame-Options: deny}}\n");
    let get = || bench.get(&Client::plain(), "/healthz", "").expect("a response");
    assert_eq!((get().status(), get().header("x-frame-options")), (200, Some("deny")));
    bench.folder.write("web.yml", "rate_limit: {interval: 1h, burst: 1}\n");
    bench.until("the rate is limited", || get().status() == 429);
    assert_eq!(get().header("x-frame-options"), None);
    bench.folder.write("web.yml", &format!("basic_auth_users:\n{}", user("alice", "secret")));
    bench.until("users are asked for", || get().status() == 401);
}
