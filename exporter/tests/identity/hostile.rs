//! Names that somebody has chosen to break the exposition, or to pass for somebody else.

use std::{
    collections::BTreeMap,
    ffi::{OsStr, OsString},
    fs,
    os::unix::ffi::{OsStrExt as _, OsStringExt as _},
    time::Duration,
};

use prometheus::proto::MetricFamily;
use protobuf::CodedInputStream;

use crate::{
    api::{Api, wait_until_known},
    forms::{By, Identity, MARK, Subject, tag},
    harness::*,
    nest::Nest,
    seen::{is_ours, who},
};

const SWITCHES: &str = "process_context_switches_total";

/// A process that sleeps as often whenever it is told to.
fn actor(cgroup: &Cgroup, sleeps: u64) -> Worker {
    let work = move |_: &Job| (0..sleeps).for_each(|_| std::thread::sleep(Duration::from_micros(200)));
    Worker::spawn("identity", cgroup, || {}, work)
}

fn switches(actor: &Worker) -> u64 {
    Counts::of_process(actor.pid).voluntary
}

fn identity(labels: &[(&str, &str)]) -> Identity {
    labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// Voluntary switches by who made them, of all series that name one of ours or are in `truth`.
fn counted(exporter: &Exporter, truth: &BTreeMap<Identity, u64>) -> BTreeMap<Identity, u64> {
    let mut counted = BTreeMap::new();
    let scrape = exporter.scrape();
    for (labels, value) in scrape.series(SWITCHES, &[("process_context_switch_type", "voluntary")]) {
        if is_ours(labels) || truth.contains_key(&who(labels)) {
            *counted.entry(who(labels)).or_default() += value as u64;
        }
    }
    counted
}

/// Whoever owns a cgroup can make any below it. What they make counts for them, or for what names them as its
/// owner, and those whose names were copied have their own counts and nothing else.
#[test]
fn nobody_passes_for_somebody_else() {
    let Some(_turn) = turn() else { return };
    let [pod, docker, other_docker, other_pod] = [0, 6, 15 + 6, 15 + 4].map(|n| Subject::new(6000 * 15 + n));
    let (api, mut nest) = (Api::start(), Nest::default());
    let exporter = Exporter::start(&api.config);
    [&pod, &other_pod].iter().for_each(|subject| api.cluster.apply(&subject.pod()));
    wait_until_known(&exporter, 2);

    let of_docker = [("container_id", docker.id.as_str()), ("container_runtime", "docker")];
    let of_pod = |more: (&str, &str)| {
        let mut labels = pod.identity(By::Container, true);
        labels.insert(more.0.to_owned(), more.1.to_owned());
        labels
    };
    let more = |labels: &[(&str, &str)], more: (&str, &str)| identity(&[labels, &[more]].concat());
    let (user, evil) = ("/user.slice/user-1000.slice/user@1000.service", format!("evil-{}.service", tag()));
    let (scope, cut) = (format!("docker-{}.scope", docker.id), format!("docker-{}.scope", &docker.id[..63]));
    let from_pod = [("container_id", pod.id.as_str()), ("container_runtime", "containerd")];
    let roles: Vec<(String, Identity)> = vec![
        // Those whose names are copied, and those who copy.
        (pod.path.clone(), pod.identity(By::Container, true)),
        (docker.path.clone(), docker.identity(By::Container, true)),
        (other_docker.path.clone(), other_docker.identity(By::Container, true)),
        (other_pod.path.clone(), other_pod.identity(By::Container, true)),
        // Another container's name and another pod's path in a container: it says in which.
        (
            format!("{}/{scope}", other_docker.path),
            more(&of_docker, ("outer_container_id", &other_docker.id)),
        ),
        (format!("{}{}", other_docker.path, pod.path), of_pod(("outer_container_id", &other_docker.id))),
        // In a pod's container: nothing leads out of it.
        (format!("{}/{scope}", other_pod.path), other_pod.identity(By::Container, true)),
        (format!("{}{}", other_pod.path, pod.path), other_pod.identity(By::Container, true)),
        // Below a user's manager, and in a service that may have cgroups of its own.
        (format!("{user}/{scope}"), more(&of_docker, ("unit", "user@1000.service"))),
        (format!("{user}{}", pod.path), more(&from_pod, ("unit", "user@1000.service"))),
        (format!("/system.slice/{evil}/{scope}"), more(&of_docker, ("unit", &evil))),
        // Almost an id, and almost the fold.
        (format!("/system.slice/{cut}"), identity(&[("unit", &cut)])),
        ("/(all other cgroups)".to_owned(), identity(&[("cgroup", "/(all other cgroups)")])),
        (
            format!("/own/(all other cgroups){MARK}"),
            identity(&[("cgroup", &format!("/own/(all other cgroups){MARK}"))]),
        ),
    ];
    let mut actors: Vec<Worker> = Vec::new();
    for (number, (path, _)) in roles.iter().enumerate() {
        let cgroup = nest.make(path);
        actors.push(actor(&cgroup, 1 + number as u64));
        // What is in it goes before it.
        nest.keep(cgroup);
    }
    actors.iter_mut().for_each(Worker::work);
    let mut truth: BTreeMap<Identity, u64> = BTreeMap::new();
    for ((_, identity), actor) in roles.iter().zip(&actors) {
        *truth.entry(identity.clone()).or_default() += switches(actor);
    }
    assert_eq!(counted(&exporter, &truth), truth);
}

/// Every name is the same in all formats, and what can't be text is text.
#[test]
fn no_name_breaks_the_exposition() {
    let Some(_turn) = turn() else { return };
    let mark = tag();
    assert!(fs::create_dir(mount().join(format!("line\nbreak-{mark}"))).is_err(), "the kernel refuses these");
    let mut exporter = Exporter::start("kubernetes: {source: off}\n");
    let texts = [
        format!("/quo\"te\\{{}}=,{mark}"),
        format!("/a\",b=\"c\"}} 1e9 # {mark}"),
        format!("/\\n\\\"\\\\{mark}\\"),
        format!("/..{mark}"),
        format!("/\t\u{1b}[31m\r\u{7f}\u{2028}\u{202e}{mark}"),
        format!("/# EOF {mark}"),
        format!("/\\xff{mark}"),
    ];
    let mut truth: BTreeMap<Identity, u64> = BTreeMap::new();
    let bytes = OsString::from_vec([b"/\xff\xc0\x80", mark.as_bytes()].concat());
    let paths = texts.iter().map(OsStr::new).chain([&*bytes]);
    let cgroups: Vec<Cgroup> = paths.map(Cgroup::alone_at).collect();
    let mut actors: Vec<Worker> = cgroups.iter().map(|cgroup| actor(cgroup, 3)).collect();
    actors.iter_mut().for_each(Worker::work);
    for (path, actor) in texts.iter().zip(&actors) {
        truth.insert(identity(&[("cgroup", path)]), switches(actor));
    }
    let shown = format!("/\\xff\\xc0\\x80{mark}");
    truth.insert(identity(&[("cgroup", &shown)]), switches(&actors[texts.len()]));

    assert_eq!(counted(&exporter, &truth), truth);
    let openmetrics = exporter.get("application/openmetrics-text; version=1.0.0");
    let openmetrics = String::from_utf8(openmetrics).expect("UTF-8");
    let (lines, rest) = openmetrics.split_once("# EOF\n").expect("an end");
    assert_eq!(rest, "", "behind the end");
    let kind = [("process_context_switch_type", "voluntary")];
    let scrape = Scrape::parse(lines);
    let by_openmetrics = scrape.series(SWITCHES, &kind).filter(|(labels, _)| is_ours(labels));
    assert_eq!(
        by_openmetrics.map(|(labels, value)| (who(labels), value as u64)).collect::<BTreeMap<_, _>>(),
        truth
    );
    assert_eq!(by_protobuf(&exporter), truth);
    exporter.signal(libc::SIGTERM);
    exporter.wait();
}

fn by_protobuf(exporter: &Exporter) -> BTreeMap<Identity, u64> {
    let body = exporter.get(PROTOBUF);
    let mut input = CodedInputStream::from_bytes(&body);
    let mut counted = BTreeMap::new();
    while !input.eof().expect("complete") {
        let family: MetricFamily = input.read_message().expect("a metric family");
        for metric in family.get_metric().iter().filter(|_| family.name() == SWITCHES) {
            let labels = metric.get_label().iter();
            let labels: BTreeMap<String, String> =
                labels.map(|label| (label.name().to_owned(), label.value().to_owned())).collect();
            if is_ours(&labels) && labels["process_context_switch_type"] == "voluntary" {
                let before = counted.insert(who(&labels), metric.get_counter().value() as u64);
                assert_eq!(before, None, "twice");
            }
        }
    }
    counted
}

/// A path of four thousand bytes is more than the kernel tells of a birth; the exporter looks for itself, at most once
/// a second. Until then it is known by its number, and nothing is lost.
#[test]
fn a_path_of_four_thousand_bytes_is_found() {
    let Some(_turn) = turn() else { return };
    let exporter = Exporter::start("kubernetes: {source: off}\n");
    let mut nest = Nest::default();
    let path = format!("/{}{}", tag(), format!("/{}", "x".repeat(180)).repeat(21))
        + &format!("/{}", "y".repeat(181));
    assert!((3980..4020).contains(&path.len()), "{}", path.len());
    let cgroup = nest.make(&path);
    let mut actor = actor(&cgroup, 3);
    let folder = mount().join(OsStr::from_bytes(&path.as_bytes()[1..]));
    let id =
        format!("id:{}", std::os::unix::fs::MetadataExt::ino(&fs::metadata(folder).expect("it is there")));
    let of = |cgroup: &str| identity(&[("cgroup", cgroup)]);
    let mut sums = BTreeMap::new();
    wait_for("the whole path is shown", || {
        actor.work();
        for (labels, value) in
            exporter.scrape().series(SWITCHES, &[("process_context_switch_type", "voluntary")])
        {
            sums.insert(who(labels), value as u64);
        }
        sums.contains_key(&of(&path))
    });
    let sum: u64 = [&path, &id].iter().filter_map(|cgroup| sums.get(&of(cgroup))).sum();
    assert_eq!(sum, switches(&actor));
}
