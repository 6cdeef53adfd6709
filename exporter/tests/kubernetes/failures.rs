//! What goes wrong with API servers, and that it passes.

use std::time::Duration;

use kernel_exporter::entities::kubernetes::Reason;

use crate::{
    cluster::Fault,
    endpoint::Certificates,
    samples::small,
    setting::{Known, Setting},
};

async fn fails(known: &Known, reason: Reason) {
    known.until(reason.name(), |pods| known.errors(reason) > 0 && !pods.status().synced).await;
}

#[tokio::test]
async fn a_server_that_comes_up_later_is_found() {
    let mut setting = Setting::down();
    setting.cluster.apply(&small(1));
    let known = setting.watch("");
    fails(&known, Reason::Unreachable).await;
    assert!(known.0.status().since_last_contact.is_none());
    setting.up();
    known.knows("small-1-a").await;
    assert!(known.0.status().synced);
}

#[tokio::test]
async fn while_a_server_is_down_what_was_known_stays() {
    let mut setting = Setting::new();
    setting.cluster.apply(&small(1));
    let known = setting.watch("");
    known.synced().await;
    setting.take_down().await;
    fails(&known, Reason::Unreachable).await;
    assert!(known.names("small-1-a", Some("small-uid-1")).is_some());
    setting.cluster.apply(&small(2));
    setting.up();
    known.knows("small-2-a").await;
    let requests = setting.cluster.requests();
    let lists = requests.iter().filter(|request| request.parameter("watch").is_empty()).count();
    assert_eq!(lists, 1, "it goes on where it was");
    assert!(known.0.status().synced);
}

#[tokio::test]
async fn what_is_forbidden_may_be_allowed_later() {
    let setting = Setting::new();
    setting.cluster.apply(&small(1));
    setting.cluster.allow(false);
    let known = setting.watch("");
    fails(&known, Reason::Forbidden).await;
    let error = known.0.status().last_error.expect("there was one");
    assert!(error.contains("cannot list resource \"pods\""), "the server's words: {error}");
    setting.cluster.allow(true);
    known.synced().await;

    // And a right that is taken away while a watch stands shows when the watch ends.
    setting.cluster.allow(false);
    setting.cluster.end_watches();
    known.until("out of sync", |pods| !pods.status().synced).await;
    assert!(known.names("small-1-a", None).is_some());
}

/// The kubelet writes a new token into the file long before the old one is refused.
#[tokio::test]
async fn a_new_token_is_taken_from_the_file_in_time() {
    let setting = Setting::new();
    setting.cluster.apply(&small(1));
    let known = setting.watch("");
    known.synced().await;
    setting.write("token", "token-2\n");
    setting.cluster.set_token("token-2");
    setting.cluster.end_watches();
    setting.cluster.apply(&small(2));
    known.knows("small-2-a").await;
    assert_eq!(known.errors(Reason::Unauthorized), 0);
}

#[tokio::test]
async fn a_new_token_is_read_when_the_old_one_is_refused() {
    let setting = Setting::new();
    setting.cluster.apply(&small(1));
    let known = setting.watch("");
    known.synced().await;
    setting.cluster.set_token("token-2");
    setting.cluster.end_watches();
    fails(&known, Reason::Unauthorized).await;
    setting.write("token", "token-2");
    setting.cluster.apply(&small(2));
    known.knows("small-2-a").await;
}

#[tokio::test]
async fn a_missing_token_is_named() {
    let setting = Setting::new();
    setting.cluster.apply(&small(1));
    setting.remove("token");
    let known = setting.watch("");
    fails(&known, Reason::Credentials).await;
    let error = known.0.status().last_error.expect("there was one");
    assert!(error.contains("/token"), "{error}");
    setting.write("token", "token-1");
    known.synced().await;
}

#[tokio::test]
async fn a_certificate_of_another_ca_is_refused() {
    let setting = Setting::new();
    let ours = setting.read("ca.crt");
    setting.write("ca.crt", &Certificates::new().ca_pem);
    let known = setting.watch("");
    fails(&known, Reason::Tls).await;
    assert!(setting.cluster.requests().is_empty(), "the token was not sent");
    setting.write("ca.crt", &ours);
    known.synced().await;
}

/// Whatever comes with a status of success but is no list must not pass for a node without pods.
#[tokio::test]
async fn what_is_no_list_changes_nothing() {
    let setting = Setting::new();
    setting.cluster.apply(&small(1));
    let no_lists = [
        "",
        "{}",
        "null",
        "[]",
        "<html>welcome</html>",
        r#"{"kind":"Status","status":"Success"}"#,
        r#"{"kind":"PodList","metadata":{},"items":[]}"#,
        r#"{"kind":"PodList","metadata":{"resourceVersion":"5"},"items":[{"metadata":{"name":"a"}}]}"#,
        r#"{"kind":"PodList","metadata":{"resourceVersion":"5"},"items":[{"#,
    ];
    for body in no_lists {
        // A new one each time, because the waits between attempts grow.
        let known = setting.watch("");
        known.until("a watch", |pods| pods.status().synced && setting.cluster.watches() == 1).await;
        setting.cluster.fault(Fault::Answer(200, body.to_owned()));
        // Makes a list necessary.
        setting.cluster.say_line("{");
        known.until(body, |_| known.errors(Reason::BadResponse) == 2).await;
        assert_eq!(known.0.status().pods, 1, "{body}");
        drop(known);
        setting.cluster.end_watches();
    }
}

#[tokio::test]
async fn slow_and_overloaded_servers_are_waited_for() {
    let setting = Setting::new();
    setting.cluster.apply(&small(1));
    setting.cluster.fault(Fault::Hangup);
    setting.cluster.fault(Fault::Answer(503, "no endpoints available".to_owned()));
    setting.cluster.fault(Fault::Late(Duration::from_millis(1500)));
    let known = setting.watch("");
    known.until("two failures", |_| known.errors(Reason::Unreachable) == 2).await;
    let error = known.0.status().last_error.expect("there was one");
    assert_eq!(error, "status 503: no endpoints available");
    known.synced().await;
    assert_eq!(known.errors(Reason::Unreachable), 2, "being slow is no failure");
}
