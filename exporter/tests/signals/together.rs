//! Every collector at once, with all that can be switched on: what the kernel says of the exporter's programs and maps.

use std::{collections::BTreeMap, fs, path::PathBuf};

use kernel_exporter::config::Config;

use crate::harness::*;

/// The most kernel memory that all of them together may take where there is task storage and no way to `filesystem`, as on
/// this machine. Hashes by thread in its place take 12 MB more, and `filesystem` takes 4.
const MOST_KERNEL_MEMORY: u64 = 32 << 20;

/// The most memory of its own that the exporter may have.
const MOST_MEMORY: u64 = 30 << 20;

/// What can be switched on beside `enabled`.
const OPTIONS: [(&str, &str); 2] =
    [("memory", "major_fault_latency: true, page_cache: true"), ("tcp", "round_trips: true")];

fn everything() -> String {
    let config = Config::default();
    let sections = config.collectors.sections().into_iter().map(|(name, _)| {
        let more =
            OPTIONS.iter().find(|(of, _)| *of == name).map_or(String::new(), |(_, more)| format!(", {more}"));
        format!("{name}: {{enabled: true{more}}}")
    });
    format!("collectors: {{{}}}\n", sections.collect::<Vec<_>>().join(", "))
}

/// What the kernel says of a process' descriptors of this kind, field by field.
fn descriptors(pid: libc::pid_t, kind: &str) -> Vec<BTreeMap<String, String>> {
    let all = fs::read_dir(format!("/proc/{pid}/fd")).expect("it lives");
    let of_kind = all.filter_map(Result::ok).filter(|entry| {
        fs::read_link(entry.path())
            .is_ok_and(|target| target.to_string_lossy().replace('_', "-").contains(kind))
    });
    let info = |number: PathBuf| fs::read_to_string(format!("/proc/{pid}/fdinfo/{}", number.display()));
    let texts = of_kind.map(|entry| info(entry.file_name().into()).expect("it is open"));
    let fields = |text: String| {
        let lines = text.lines().filter_map(|line| line.split_once(':'));
        lines.map(|(name, value)| (name.to_owned(), value.trim().to_owned())).collect()
    };
    texts.map(fields).collect()
}

/// Hooks are shared: no tracepoint has two of our programs, whatever is on.
#[test]
fn nothing_is_attached_twice() {
    let Some(_turn) = turn() else { return };
    let exporter = Exporter::start(&everything());
    let links = descriptors(exporter.pid(), "bpf-link");
    let mut tracepoints = BTreeMap::<&str, u32>::new();
    for link in links.iter().filter(|link| link["link_type"] == "raw_tracepoint") {
        *tracepoints.entry(&link["tp_name"]).or_default() += 1;
    }
    let twice: Vec<_> = tracepoints.iter().filter(|(_, count)| **count > 1).collect();
    assert!(twice.is_empty(), "{twice:?}");
    let scrape = exporter.scrape();
    let ours: Vec<_> = scrape.series("kernel_exporter_program_info", &[]).collect();
    let on_tracepoints = ours.iter().filter(|(labels, _)| labels["rung"] == "tp_btf");
    assert_eq!(on_tracepoints.count(), tracepoints.len(), "what the exporter says is what the kernel has");
    // Every program hangs on something; the task iterator has no link of its own.
    assert_eq!(links.iter().filter(|link| link["link_type"] != "iter").count(), ours.len(), "{links:#?}");
}

#[test]
fn memory_stays_within_its_bounds() {
    let Some(_turn) = turn() else { return };
    let exporter = Exporter::start(&everything());
    exporter.scrape();
    let maps = descriptors(exporter.pid(), "bpf-map");
    let kernel: u64 = maps.iter().map(|map| map["memlock"].parse::<u64>().expect("bytes")).sum();
    let told = exporter.scrape().sum("kernel_exporter_map_bytes", &[]);
    println!("{} maps take {kernel} bytes, of which the exporter tells {told}", maps.len());
    // Kernels in VMs have the one or the other, and before 6.4 they tell of values only.
    if !in_vm() {
        assert!(kernel <= MOST_KERNEL_MEMORY, "{kernel} bytes of maps");
        // The kernel rounds each map up, and counts what it keeps beside elements.
        assert!((told..=told + told / 4).contains(&kernel), "{kernel} bytes of maps, told are {told}");
    }
    let status = fs::read_to_string(format!("/proc/{}/status", exporter.pid())).expect("it lives");
    let anonymous =
        status.lines().find_map(|line| line.strip_prefix("RssAnon:")).expect("the kernel keeps it");
    let kilobytes: u64 = anonymous.trim().trim_end_matches(" kB").parse().expect("a number");
    println!("and {kilobytes} kB of its own memory");
    assert!(kilobytes << 10 <= MOST_MEMORY, "{anonymous}");
}
