//! Names that come in time, late, and never.

use std::{fs, time::SystemTime};

use serde_json::json;

use super::*;
use crate::{
    catalogue::{Kind, Metric},
    entities::{
        cgroups::tests::{Fake, over},
        kubernetes::Pods,
        ledger::{Ledger, Limits, Now},
    },
    snapshot::Value,
};
use std::time::{Duration, Instant};

static SWITCHES: Metric = Metric::of_tests("test.switches", Kind::Counter);

const UID: &str = "11111111-2222-3333-4444-555555555555";
const WEB: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
const PAUSE: &str = "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff";

const NGINX: &str = "system.slice/nginx.service";

fn path_of(container: &str) -> String {
    format!("kubepods/burstable/pod{UID}/{container}")
}

/// Identities over a fake tree, with a ledger and a clock that stands still unless told to go on.
struct Bench {
    fake: Fake,
    pods: Pods,
    identities: Identities,
    ledger: Ledger,
    now: Now,
}

impl Bench {
    fn new(pods: Pods) -> Self {
        let fake = Fake::new();
        // Met by the first walk.
        fake.make(path_of(WEB));
        fake.make(path_of(PAUSE));
        fake.make(NGINX);
        let now =
            Now { monotonic: Instant::now(), wall: SystemTime::UNIX_EPOCH + Duration::from_secs(1_000) };
        let identities = Identities::new(over(&fake), pods.clone());
        let mut bench = Self { fake, pods, identities, ledger: Ledger::new(Limits::default(), &[]), now };
        bench.read();
        bench
    }

    fn read(&mut self) {
        self.identities.refresh(&mut self.ledger, self.now);
    }

    fn read_after(&mut self, seconds: u64) {
        self.now.monotonic += Duration::from_secs(seconds);
        self.now.wall += Duration::from_secs(seconds);
        self.read();
    }

    /// The cgroup of one of the pod's containers.
    fn cgroup(&self, container: &str) -> u64 {
        self.fake.id(path_of(container))
    }

    /// The pod with these containers, by name and id.
    fn tell(&mut self, containers: &[(&str, &str)]) {
        let spec: Vec<_> = containers.iter().map(|(name, _)| json!({"name": name})).collect();
        let known = containers.iter().filter(|(_, id)| !id.is_empty());
        let status: Vec<_> = known
            .map(|(name, id)| json!({"name": name, "containerID": format!("containerd://{id}")}))
            .collect();
        self.pods.tell(json!([{
            "metadata": {"name": "web-0", "namespace": "shop", "uid": UID},
            "spec": {"nodeName": "n", "containers": spec},
            "status": {"containerStatuses": status},
        }]));
    }

    /// What is shown, as (container or container id or else the first label's value, count).
    fn shown(&mut self) -> Vec<(String, u64)> {
        let snapshot = self.ledger.snapshot(self.now);
        let series = snapshot.families.iter().flat_map(|family| &family.series);
        series
            .map(|series| {
                let label = [&keys::CONTAINER, &keys::CONTAINER_ID, &keys::POD, &keys::UNIT, &keys::CGROUP]
                    .into_iter()
                    .find_map(|key| series.labels.get(key));
                let Value::Counter(count) = series.value else { panic!("a counter") };
                (label.expect("somebody").to_owned(), count)
            })
            .collect()
    }
}

fn are<const N: usize>(values: [(&str, u64); N]) -> Vec<(String, u64)> {
    values.map(|(name, count)| (name.to_owned(), count)).into()
}

#[test]
fn a_container_waits_for_its_name() {
    let mut bench = Bench::new(Pods::at_hand());
    let id = bench.cgroup(WEB);
    let who = bench.identities.who(id);
    let claim = bench.ledger.claim(&SWITCHES, &whose(Some(&who), By::Container), bench.now);
    bench.ledger.count(&claim, 7);
    bench.read_after(3);
    assert!(bench.shown().is_empty());
    assert_eq!(bench.identities.stats(), IdentityStats { withheld: 1, unnamed: 0 });
    bench.tell(&[("nginx", WEB)]);
    bench.read_after(1);
    assert_eq!(bench.shown(), are([("nginx", 7)]));
    assert!(bench.identities.who(id) != who, "there is a new answer");
    assert_eq!(bench.identities.stats(), IdentityStats::default());
}

#[test]
fn the_dead_get_their_names_too() {
    let mut bench = Bench::new(Pods::at_hand());
    let id = bench.cgroup(WEB);
    let who = bench.identities.who(id);
    let claim = bench.ledger.claim(&SWITCHES, &whose(Some(&who), By::Workload), bench.now);
    bench.ledger.count(&claim, 7);
    bench.ledger.release(claim, bench.now);
    fs::remove_dir_all(bench.fake.0.join("kubepods")).expect("made before");
    for _ in 0..10 {
        bench.read_after(1); // longer than answers are kept that nobody asks for
    }
    bench.tell(&[("nginx", WEB)]);
    bench.read_after(1);
    let snapshot = bench.ledger.snapshot(bench.now);
    assert_eq!(snapshot.families[0].series[0].labels.get(&keys::WORKLOAD), Some("web-0"));
}

#[test]
fn nobody_waits_for_ever_and_late_names_are_for_what_comes_after_them() {
    let mut bench = Bench::new(Pods::at_hand());
    let id = bench.cgroup(WEB);
    let who = bench.identities.who(id);
    let claim = bench.ledger.claim(&SWITCHES, &whose(Some(&who), By::Container), bench.now);
    bench.ledger.count(&claim, 7);
    bench.read_after(14);
    assert!(bench.shown().is_empty());
    bench.read_after(1);
    assert_eq!(bench.shown(), are([(WEB, 7)]), "by its id");
    assert_eq!(bench.identities.stats(), IdentityStats { withheld: 0, unnamed: 1 });
    bench.tell(&[("nginx", WEB)]);
    bench.read_after(1);
    let who = bench.identities.who(id);
    bench.ledger.rename(&claim, &whose(Some(&who), By::Container), bench.now);
    bench.ledger.count(&claim, 1);
    assert_eq!(bench.shown(), are([(WEB, 7), ("nginx", 1)]));
}

#[test]
fn the_sandbox_is_the_container_that_the_pod_does_not_list() {
    let mut bench = Bench::new(Pods::at_hand());
    let (web, pause) = (bench.cgroup(WEB), bench.cgroup(PAUSE));
    for id in [web, pause] {
        let who = bench.identities.who(id);
        let claim = bench.ledger.claim(&SWITCHES, &whose(Some(&who), By::Container), bench.now);
        bench.ledger.count(&claim, id);
    }
    bench.tell(&[("nginx", WEB)]);
    bench.read_after(2);
    assert_eq!(bench.shown(), are([("nginx", web)]), "the other one may still be listed");
    bench.read_after(13);
    assert_eq!(bench.shown(), are([("POD", pause), ("nginx", web)]));
    assert_eq!(bench.identities.stats(), IdentityStats::default());
}

#[test]
fn a_pod_whose_containers_are_not_all_known_has_no_sandbox() {
    let mut bench = Bench::new(Pods::at_hand());
    let pause = bench.cgroup(PAUSE);
    let who = bench.identities.who(pause);
    let claim = bench.ledger.claim(&SWITCHES, &whose(Some(&who), By::Container), bench.now);
    bench.ledger.count(&claim, 1);
    bench.tell(&[("nginx", "")]);
    bench.read_after(15);
    assert_eq!(bench.shown(), are([(PAUSE, 1)]));
}

#[test]
fn without_a_source_there_is_nothing_to_wait_for() {
    let mut bench = Bench::new(Pods::off());
    let (web, own) = (bench.cgroup(WEB), bench.fake.id(NGINX));
    let labels = |who: &Who| who.labels(By::Container);
    assert_eq!(labels(&bench.identities.who(web)).get(&keys::CONTAINER_ID), Some(WEB));
    assert_eq!(labels(&bench.identities.who(own)).get(&keys::UNIT), Some("nginx.service"));
    assert_eq!(bench.identities.stats(), IdentityStats { withheld: 0, unnamed: 1 });
    let path = format!("/{}", path_of(WEB));
    assert_eq!(bench.identities.who(web).labels(By::Cgroup).get(&keys::CGROUP), Some(&*path));
}

#[test]
fn an_answer_stays_the_same_until_there_is_another_one() {
    let mut bench = Bench::new(Pods::at_hand());
    bench.tell(&[("nginx", WEB)]);
    let id = bench.cgroup(WEB);
    bench.read_after(1);
    let who = bench.identities.who(id);
    bench.read_after(1);
    assert!(bench.identities.who(id) == who);
    bench.tell(&[("nginx", WEB), ("sidecar", "")]);
    bench.read_after(1);
    assert!(bench.identities.who(id) == who, "another container has nothing to do with it");
    bench.tell(&[("apache", WEB)]);
    bench.read_after(1);
    assert_eq!(bench.identities.who(id).labels(By::Container).get(&keys::CONTAINER), Some("apache"));
}

#[test]
fn others_are_asked_once_they_know_all_pods() {
    let mut bench = Bench::new(Pods::at_hand());
    bench.tell(&[("nginx", WEB)]);
    let id = bench.cgroup(WEB);
    bench.read_after(1);
    let container = |bench: &mut Bench| {
        bench.read_after(1);
        bench.identities.who(id).labels(By::Container).get(&keys::CONTAINER).map(str::to_owned)
    };
    assert_eq!(container(&mut bench).as_deref(), Some("nginx"));
    bench.pods = Pods::at_hand();
    bench.identities.ask(bench.pods.clone());
    assert_eq!(container(&mut bench).as_deref(), Some("nginx"), "the new ones know nothing yet");
    bench.tell(&[("apache", WEB)]);
    assert_eq!(container(&mut bench).as_deref(), Some("apache"));
    bench.identities.ask(Pods::at_hand());
    bench.read_after(20);
    assert_eq!(container(&mut bench), None, "patience has an end");
    bench.identities.ask(bench.pods.clone());
    assert_eq!(container(&mut bench).as_deref(), Some("apache"));
    bench.identities.ask(Pods::off());
    assert_eq!(container(&mut bench), None, "nobody is asked any more");
}
