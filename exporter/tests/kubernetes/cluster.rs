//! An API server with nothing but pods: lists in pages, watches from a place in history, bookmarks, history
//! that is forgotten, and whatever fault a test asks for.

use std::{
    collections::{BTreeMap, VecDeque},
    io,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use serde_json::{Value, json};
use tokio::sync::broadcast::{self, error::RecvError};

use crate::wire::{self, Connection, Request};

/// Pods per page when a page is asked for. Servers may give less than the client's limit.
const PAGE: usize = 2;

/// The API server; clones are the same one.
#[derive(Clone)]
pub(crate) struct Cluster(Arc<Mutex<State>>);

/// What goes out on a watch.
#[derive(Clone)]
enum Say {
    /// An event.
    Event(String),
    /// These bytes, whatever they are.
    Raw(String),
    /// The end of the watch, as it should be.
    End,
    /// The connection breaks behind these bytes.
    Break(String),
}

/// What the next request gets instead of its answer.
pub(crate) enum Fault {
    /// This status and body.
    Answer(u16, String),
    /// The right answer, late.
    Late(Duration),
    /// Nothing: the connection is closed.
    Hangup,
}

struct State {
    /// Place in history.
    version: u64,
    /// By UID, and with it the order of lists.
    pods: BTreeMap<String, Value>,
    history: Vec<(u64, String)>,
    /// Events up to here are forgotten.
    forgotten: u64,
    /// Tell a watch that starts too early by an event; otherwise by status 410.
    gone_as_event: bool,
    token: String,
    /// Whether the token may list and watch.
    allowed: bool,
    faults: VecDeque<Fault>,
    requests: Vec<Request>,
    watches: broadcast::Sender<Say>,
}

impl Cluster {
    /// Without pods.
    pub(crate) fn new(token: &str) -> Self {
        Self(Arc::new(Mutex::new(State {
            version: 1000,
            pods: BTreeMap::new(),
            history: Vec::new(),
            forgotten: 0,
            gone_as_event: true,
            token: token.to_owned(),
            allowed: true,
            faults: VecDeque::new(),
            requests: Vec::new(),
            watches: broadcast::channel(1024).0,
        })))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("no test panics in here")
    }

    /// Adds a pod, or changes it.
    pub(crate) fn apply(&self, pod: &Value) {
        let mut state = self.state();
        let uid = pod["metadata"]["uid"].as_str().expect("pods have one").to_owned();
        let kind = if state.pods.contains_key(&uid) { "MODIFIED" } else { "ADDED" };
        let pod = state.happens(kind, pod.clone());
        state.pods.insert(uid, pod);
    }

    /// Deletes a pod.
    pub(crate) fn delete(&self, pod: &Value) {
        let mut state = self.state();
        let pod = state.pods.remove(pod["metadata"]["uid"].as_str().expect("pods have one"));
        state.happens("DELETED", pod.expect("it is there"));
    }

    /// Tells all watches how far history is, though nothing has happened to their pods.
    pub(crate) fn bookmark(&self) -> u64 {
        let mut state = self.state();
        state.version += 100;
        let version = state.version;
        let metadata = json!({"resourceVersion": version.to_string()});
        let event =
            json!({"type": "BOOKMARK", "object": {"kind": "Pod", "apiVersion": "v1", "metadata": metadata}});
        state.say(Say::Event(event.to_string()));
        version
    }

    /// Forgets all events so far. `as_event`: tells so in the watch, not by the status of the answer.
    pub(crate) fn forget(&self, as_event: bool) {
        let mut state = self.state();
        // Whoever was at the last event is behind as well.
        state.version += 1;
        (state.forgotten, state.gone_as_event) = (state.version, as_event);
        state.history.clear();
    }

    /// Ends all watches, as servers do every few minutes.
    pub(crate) fn end_watches(&self) {
        self.state().say(Say::End);
    }

    /// Breaks all watches off behind these bytes.
    pub(crate) fn break_watches(&self, bytes: &str) {
        self.state().say(Say::Break(bytes.to_owned()));
    }

    /// Says this in all watches, newline included.
    pub(crate) fn say_line(&self, line: &str) {
        self.state().say(Say::Raw(format!("{line}\n")));
    }

    /// What the next request gets; may be called for several in a row.
    pub(crate) fn fault(&self, fault: Fault) {
        self.state().faults.push_back(fault);
    }

    /// Accepts this token and no other.
    pub(crate) fn set_token(&self, token: &str) {
        self.state().token = token.to_owned();
    }

    /// Whether the token may list and watch.
    pub(crate) fn allow(&self, allowed: bool) {
        self.state().allowed = allowed;
    }

    /// Watches that stand.
    pub(crate) fn watches(&self) -> usize {
        self.state().watches.receiver_count()
    }

    /// Everything that was asked so far.
    pub(crate) fn requests(&self) -> Vec<Request> {
        self.state().requests.clone()
    }

    /// Answers on one connection until it ends.
    pub(crate) async fn serve(self, mut connection: Connection) {
        while let Some(request) = Request::read(&mut connection).await {
            if self.answer(&mut connection, &request).await.is_err() {
                return;
            }
        }
    }

    async fn answer(&self, connection: &mut Connection, request: &Request) -> io::Result<()> {
        let fault = {
            let mut state = self.state();
            state.requests.push(request.clone());
            state.faults.pop_front()
        };
        match fault {
            Some(Fault::Answer(status, body)) => return wire::answer(connection, status, &body).await,
            Some(Fault::Hangup) => return Err(io::ErrorKind::ConnectionAborted.into()),
            Some(Fault::Late(time)) => tokio::time::sleep(time).await,
            None => {}
        }
        let answer = self.state().decide(request);
        match answer {
            Answer::Whole(status, body) => wire::answer(connection, status, &body.to_string()).await,
            Answer::Watch(past, watch) => stream(connection, past, watch).await,
        }
    }
}

enum Answer {
    Whole(u16, Value),
    Watch(Vec<String>, broadcast::Receiver<Say>),
}

impl State {
    fn happens(&mut self, kind: &str, mut pod: Value) -> Value {
        self.version += 1;
        let version = self.version;
        pod["metadata"]["resourceVersion"] = version.to_string().into();
        (pod["kind"], pod["apiVersion"]) = ("Pod".into(), "v1".into());
        let event = json!({"type": kind, "object": pod}).to_string();
        self.history.push((version, event.clone()));
        self.say(Say::Event(event));
        pod
    }

    /// Nobody may be listening.
    fn say(&self, what: Say) {
        let _ = self.watches.send(what);
    }

    fn decide(&self, request: &Request) -> Answer {
        let node = request.parameter("fieldSelector").strip_prefix("spec.nodeName=");
        if request.headers.get("authorization") != Some(&format!("Bearer {}", self.token)) {
            return refusal(401, "Unauthorized", "Unauthorized");
        }
        if !self.allowed {
            let message =
                r#"pods is forbidden: User "system:serviceaccount:a:b" cannot list resource "pods""#;
            return refusal(403, "Forbidden", message);
        }
        match (request.path.as_str(), node) {
            ("/api/v1/pods", Some(node)) if request.parameter("watch") == "true" => self.watch(request, node),
            ("/api/v1/pods", Some(node)) => self.list(request, node),
            // The kubelet's own list: no places in history, no pages.
            ("/pods", None) => {
                Answer::Whole(200, self.page(&self.pods.values().collect::<Vec<_>>(), json!({})))
            }
            _ => refusal(404, "NotFound", "the server could not find the requested resource"),
        }
    }

    fn list(&self, request: &Request, node: &str) -> Answer {
        let pods: Vec<&Value> = self.pods.values().filter(|pod| pod["spec"]["nodeName"] == node).collect();
        let version = self.version.to_string();
        if request.parameter("limit").is_empty() {
            return Answer::Whole(200, self.page(&pods, json!({"resourceVersion": version})));
        }
        let start: usize = match request.parameter("continue").strip_prefix("from-") {
            Some(start) => start.parse().expect("it is our own token"),
            None => 0,
        };
        let end = (start + PAGE).min(pods.len());
        let next = if end < pods.len() { format!("from-{end}") } else { String::new() };
        let metadata =
            json!({"resourceVersion": version, "continue": next, "remainingItemCount": pods.len() - end});
        Answer::Whole(200, self.page(&pods[start..end], metadata))
    }

    fn page(&self, pods: &[&Value], metadata: Value) -> Value {
        json!({"kind": "PodList", "apiVersion": "v1", "metadata": metadata, "items": pods})
    }

    fn watch(&self, request: &Request, node: &str) -> Answer {
        assert_eq!(node, "node-1", "the only node of tests that watch");
        let from: u64 = request.parameter("resourceVersion").parse().expect("a watch starts somewhere");
        if from < self.forgotten {
            let message = format!("too old resource version: {from} ({})", self.forgotten);
            if !self.gone_as_event {
                return refusal(410, "Expired", &message);
            }
            let event = json!({"type": "ERROR", "object": status(410, "Expired", &message)});
            return Answer::Watch(vec![event.to_string()], broadcast::channel(1).1);
        }
        let past = self.history.iter().filter(|(version, _)| *version > from);
        Answer::Watch(past.map(|(_, event)| event.clone()).collect(), self.watches.subscribe())
    }
}

fn status(code: u16, reason: &str, message: &str) -> Value {
    json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": message, "reason": reason, "code": code,
    })
}

fn refusal(code: u16, reason: &str, message: &str) -> Answer {
    Answer::Whole(code, status(code, reason, message))
}

async fn stream(
    connection: &mut Connection,
    past: Vec<String>,
    mut watch: broadcast::Receiver<Say>,
) -> io::Result<()> {
    wire::begin(connection).await?;
    for event in past {
        wire::chunk(connection, &format!("{event}\n")).await?;
    }
    loop {
        match watch.recv().await {
            Ok(Say::Event(event)) => {
                // In two chunks, because nothing says that chunks are lines.
                let (half, rest) = event.split_at(event.len() / 2);
                wire::chunk(connection, half).await?;
                wire::chunk(connection, &format!("{rest}\n")).await?;
            }
            Ok(Say::Raw(bytes)) => wire::chunk(connection, &bytes).await?,
            Ok(Say::Break(bytes)) => {
                wire::chunk(connection, &bytes).await?;
                return Err(io::ErrorKind::ConnectionAborted.into());
            }
            Ok(Say::End) | Err(RecvError::Closed) => return wire::chunk(connection, "").await,
            Err(RecvError::Lagged(_)) => panic!("more events than a test has"),
        }
    }
}
