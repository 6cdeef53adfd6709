//! That nothing is missed, whatever happens to a watch.

use kernel_exporter::entities::kubernetes::Reason;

use crate::{
    cluster::Fault,
    samples::{daemon_set, deployment, running, small, uid},
    setting::{Known, Setting},
    wire::Request,
};

/// A cluster with two pods and a watch that stands.
async fn watched() -> (Setting, Known) {
    let setting = Setting::new();
    setting.cluster.apply(&small(1));
    setting.cluster.apply(&small(2));
    let known = setting.watch("");
    known.synced().await;
    watches(&setting, &known, 1).await;
    (setting, known)
}

async fn watches(setting: &Setting, known: &Known, count: usize) {
    known.until("a watch", |_| setting.cluster.watches() == count).await;
}

fn is_list(request: &&Request) -> bool {
    request.parameter("watch").is_empty()
}

fn lists(setting: &Setting) -> Vec<Request> {
    setting.cluster.requests().iter().filter(is_list).cloned().collect()
}

fn watch_requests(setting: &Setting) -> Vec<Request> {
    setting.cluster.requests().iter().filter(|request| !is_list(request)).cloned().collect()
}

/// What the API server is asked decides what it costs: one node's pods, from its cache, once.
#[tokio::test]
async fn asks_for_this_nodes_pods_only() {
    let (setting, known) = watched().await;
    let requests = setting.cluster.requests();
    let [list, watch] = &*requests else { panic!("{requests:?}") };
    for request in [list, watch] {
        assert_eq!(request.path, "/api/v1/pods");
        assert_eq!(request.parameter("fieldSelector"), "spec.nodeName=node-1");
        assert_eq!(request.headers["authorization"], "Bearer token-1");
    }
    assert_eq!(list.parameter("resourceVersion"), "0", "the server's cache will do");
    assert_eq!(watch.parameter("watch"), "true");
    assert_eq!(watch.parameter("allowWatchBookmarks"), "true");
    assert_eq!(watch.parameter("resourceVersion"), "1002", "the list's place in history");
    let status = known.0.status();
    assert_eq!((status.pods, status.containers, status.events, status.restarts), (2, 2, 0, 0));
    assert!(status.since_last_contact.is_some() && status.last_error.is_none());
}

#[tokio::test]
async fn follows_every_change() {
    let (setting, known) = watched().await;
    setting.cluster.apply(&small(3));
    known.knows("small-3-a").await;

    // Both containers of a pod restart, one of them twice.
    let mut pod = deployment();
    setting.cluster.apply(&pod);
    let version = known.0.version();
    pod["status"]["containerStatuses"][0] = running("web", "web-2", Some("web-1"));
    pod["status"]["containerStatuses"][1] = running("cache", "cache-2", None);
    setting.cluster.apply(&pod);
    pod["status"]["containerStatuses"][0] = running("web", "web-3", Some("web-2"));
    setting.cluster.apply(&pod);
    known.knows("web-3").await;
    for (id, name) in [("web-1", "web"), ("web-2", "web"), ("web-3", "web"), ("cache-2", "cache")] {
        let names = known.names(id, Some(uid(&pod)));
        assert_eq!(names, Some((name.to_owned(), "web-6d4cf56db6-x2x9k".to_owned())), "{id}");
    }
    assert_ne!(known.0.version(), version);

    // What was deleted keeps its name for its last increments.
    setting.cluster.delete(&small(3));
    setting.cluster.delete(&small(2));
    known.until("two pods", |pods| pods.status().pods == 2).await;
    assert!(known.names("small-3-a", Some("small-uid-3")).is_some());
    assert_eq!(lists(&setting).len(), 1, "one list is enough");
    assert_eq!(known.0.status().events, 6);
}

/// A pod may be created, run and be deleted before anybody looks.
#[tokio::test]
async fn the_last_state_of_a_deleted_pod_still_gives_names() {
    let (setting, known) = watched().await;
    let version = setting.cluster.bookmark() + 1;
    let mut pod = small(7);
    pod["metadata"]["resourceVersion"] = version.to_string().into();
    setting.cluster.say_line(&serde_json::json!({"type": "DELETED", "object": pod}).to_string());
    known.knows("small-7-a").await;
    assert_eq!(known.0.status().pods, 2);
}

#[tokio::test]
async fn goes_on_where_a_watch_ended() {
    let (setting, known) = watched().await;
    setting.cluster.apply(&small(3));
    known.knows("small-3-a").await;
    setting.cluster.end_watches();
    watches(&setting, &known, 0).await;
    setting.cluster.delete(&small(3));
    setting.cluster.apply(&small(4));
    known.knows("small-4-a").await;
    assert_eq!(known.0.status().pods, 3, "the deletion was told as well");

    let bookmark = setting.cluster.bookmark();
    known.until("bookmarked", |pods| pods.status().events == 4).await;
    setting.cluster.end_watches();
    known.until("a third watch", |_| watch_requests(&setting).len() == 3).await;
    let places: Vec<_> = watch_requests(&setting)
        .iter()
        .map(|request| request.parameter("resourceVersion").to_owned())
        .collect();
    assert_eq!(places, ["1002", "1003", &bookmark.to_string()]);
    assert_eq!(lists(&setting).len(), 1);
    let status = known.0.status();
    assert_eq!((status.synced, status.restarts), (true, 2));
    assert!(status.errors.iter().all(|(_, count)| *count == 0), "that is how watches end: {status:?}");
}

/// Half an event is none: it comes again, whole, because history was not moved by it.
#[tokio::test]
async fn a_connection_that_breaks_within_an_event_costs_nothing() {
    let (setting, known) = watched().await;
    setting.cluster.break_watches(r#"{"type":"ADDED","object":{"kind":"Pod","metadata":{"name":"sm"#);
    watches(&setting, &known, 0).await;
    setting.cluster.apply(&small(3));
    known.knows("small-3-a").await;
    assert_eq!(lists(&setting).len(), 1);
    assert_eq!(known.errors(Reason::Unreachable), 1);
    assert_eq!(known.errors(Reason::BadResponse), 0);
}

async fn lists_again_when_history_is_gone(as_event: bool) {
    let (setting, known) = watched().await;
    setting.cluster.end_watches();
    watches(&setting, &known, 0).await;
    // All of this happens before the next watch, and none of it will be told.
    setting.cluster.delete(&small(1));
    for number in 3..=6 {
        setting.cluster.apply(&small(number));
    }
    setting.cluster.forget(as_event);
    known.knows("small-6-a").await;
    assert_eq!(known.0.status().pods, 5, "what was deleted meanwhile is gone");
    assert!(known.names("small-1-a", Some("small-uid-1")).is_some(), "and still has its name");
    assert_eq!(known.errors(Reason::Gone), 1);

    // The cache could be older than what was seen already; the store is asked, in pages.
    let lists = lists(&setting);
    let pages: Vec<_> = lists[1..]
        .iter()
        .map(|list| ["resourceVersion", "limit", "continue"].map(|name| list.parameter(name)))
        .collect();
    assert_eq!(pages, [["", "500", ""], ["", "500", "from-2"], ["", "500", "from-4"]]);

    setting.cluster.apply(&small(7));
    known.knows("small-7-a").await;
    assert!(known.0.status().synced);
}

#[tokio::test]
async fn lists_again_when_an_event_says_gone() {
    lists_again_when_history_is_gone(true).await;
}

#[tokio::test]
async fn lists_again_when_the_answer_says_gone() {
    lists_again_when_history_is_gone(false).await;
}

/// A page that can't be had any more: the list begins anew, and nobody is taken for gone meanwhile.
#[tokio::test]
async fn a_list_that_is_gone_between_pages_begins_anew() {
    let (setting, known) = watched().await;
    setting.cluster.apply(&small(3));
    known.knows("small-3-a").await;
    setting.cluster.forget(true);
    setting.cluster.end_watches();
    known.until("gone", |_| known.errors(Reason::Gone) == 1).await;
    setting.cluster.fault(Fault::Answer(200, page_with_more()));
    setting
        .cluster
        .fault(Fault::Answer(410, r#"{"kind":"Status","code":410,"reason":"Expired"}"#.to_owned()));
    known.until("gone again", |_| known.errors(Reason::Gone) == 2).await;
    assert_eq!(known.0.status().pods, 3);
    known.synced().await;
    assert_eq!(known.0.status().pods, 3);
}

fn page_with_more() -> String {
    let metadata = serde_json::json!({"resourceVersion": "2000", "continue": "from-2"});
    serde_json::json!({"kind": "PodList", "apiVersion": "v1", "metadata": metadata, "items": [small(1)]})
        .to_string()
}

/// An event that can't be read may have been any: only a list tells what is true now.
#[tokio::test]
async fn lists_again_after_an_event_that_cannot_be_read() {
    for (number, line) in [
        "{\"type\":\"MODIFIED\",\"object\":{\"kind\":\"Pod\",\"meta",
        "\u{0}\u{1}\u{2}",
        "<html>502 Bad Gateway</html>",
        "{\"type\":\"RENAMED\",\"object\":{\"metadata\":{\"name\":\"a\",\"uid\":\"b\"}}}",
        "{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"name\":\"a\"}}}",
        "{\"type\":\"BOOKMARK\",\"object\":{\"kind\":\"Pod\",\"metadata\":{\"resourceVersion\":\"\"}}}",
    ]
    .into_iter()
    .enumerate()
    {
        let (setting, known) = watched().await;
        setting.cluster.say_line(line);
        known.until("bad", |_| known.errors(Reason::BadResponse) == 1).await;
        known.synced().await;
        assert_eq!(lists(&setting).len(), 2, "{number}");
        assert_eq!(known.0.status().pods, 2, "{number}");
        assert!(known.0.status().last_error.is_some());
        setting.cluster.apply(&daemon_set());
        known.until("the next pod", |pods| pods.pod(uid(&daemon_set())).is_some()).await;
    }
}

/// The watch ends with the last one who is interested.
#[tokio::test]
async fn nobody_watches_for_nobody() {
    let (setting, known) = watched().await;
    let other = Known(known.0.clone());
    drop(known);
    setting.cluster.apply(&small(3));
    other.knows("small-3-a").await;
    drop(other);
    let idle = Known(kernel_exporter::entities::kubernetes::Pods::off());
    // The server sees a connection's end when it writes.
    idle.until("no watch", |_| {
        setting.cluster.bookmark();
        setting.cluster.watches() == 0
    })
    .await;
}
