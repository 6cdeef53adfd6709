//! Names that were chosen to break something: they arrive in Prometheus as they are, by every format.

use std::{collections::BTreeMap, ffi::OsStr, os::unix::ffi::OsStrExt as _};

use crate::{
    cgroup::Cgroup,
    exporter::{Exporter, Folder},
    server::{OPENMETRICS, PROTOBUF, Prometheus, TEXT},
    sleeper::Sleeper,
    tools::{or_skip, prometheus_tool, root},
};

/// Names as the kernel has them, 15 bytes at most, and as labels. The last two share a label.
const COMMANDS: [(&[u8], &str); 7] = [
    (b"a\"b\\c", "a\"b\\c"),
    (b"a\nb\\n", "a\nb\\n"),
    (b"{}=,#", "{}=,#"),
    (b"(all other comm", "(all other comm"),
    (" é\u{202e}".as_bytes(), " é\u{202e}"),
    (b"\xff\xfe", "\\xff\\xfe"),
    (b"\\xff\\xfe", "\\xff\\xfe"),
];

/// The same for cgroups. The kernel allows no line breaks in them.
const CGROUPS: [(&[u8], &str); 5] = [
    (b"a\"b\\c", "a\"b\\c"),
    (b"{}=,#", "{}=,#"),
    (b"(all other cgroups)", "(all other cgroups)"),
    (b"\xff\xfe", "\\xff\\xfe"),
    (b"\\xff\\xfe", "\\xff\\xfe"),
];

/// Label sets by command and cgroup, each with how often it was met.
type Met = BTreeMap<(String, String), usize>;

#[test]
fn hostile_names_arrive_as_they_are() {
    or_skip!(root());
    let program = or_skip!(prometheus_tool("prometheus"));
    let mount = or_skip!(Cgroup::root());
    let parent_name = format!("kernel-exporter-test-{}", std::process::id());
    let parent = Cgroup::new(&mount, &parent_name).expect("a cgroup");
    // As close to the fold as a path can get.
    let fold = Cgroup::new(&mount, "(all other cgroups)").expect("a cgroup");
    let cgroups = CGROUPS
        .map(|(name, label)| (Cgroup::new(parent.path(), OsStr::from_bytes(name)).expect("a cgroup"), label));

    let folder = Folder::new();
    // Declared after the cgroups, so that it ends before them: a cgroup with a process in it cannot go.
    let mut processes = Vec::new();
    let mut expected = Met::new();
    let mut put = |command: &OsStr, cgroup: &Cgroup, labels: (String, String)| {
        let process = Sleeper::start(&folder, command).expect("sleep starts");
        cgroup.take(process.id()).expect("moved");
        processes.push(process);
        expected.insert(labels, 1);
    };
    for (name, label) in COMMANDS {
        put(OsStr::from_bytes(name), &parent, (label.to_owned(), format!("/{parent_name}")));
    }
    for (cgroup, label) in &cgroups {
        put("sleeper".as_ref(), cgroup, ("sleeper".to_owned(), format!("/{parent_name}/{label}")));
    }
    put("sleeper".as_ref(), &fold, ("sleeper".to_owned(), "/(all other cgroups)".to_owned()));

    let exporter = Exporter::start("");
    let prometheus = Prometheus::start(&program, exporter.address(), &[TEXT, OPENMETRICS, PROTOBUF]);
    for job in [TEXT, OPENMETRICS, PROTOBUF] {
        prometheus
            .until("everything arrives", |prometheus| arrived(prometheus, job.name, &expected) == expected);
    }
    prometheus.assert_content(3);
}

/// What has arrived of the expected label sets.
fn arrived(prometheus: &Prometheus, job: &str, expected: &Met) -> Met {
    let mut met = Met::new();
    for series in prometheus.query(&format!("process_cpu_time_seconds_total{{job='{job}'}}")) {
        let label = |name: &str| series["metric"][name].as_str().unwrap_or_default().to_owned();
        let labels = (label("command"), label("cgroup"));
        if expected.contains_key(&labels) {
            *met.entry(labels).or_default() += 1;
        }
    }
    met
}
