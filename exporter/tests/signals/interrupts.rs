//! Hard and soft interrupts, against what the kernel itself counts.

use std::{collections::BTreeMap, fs, thread, time::Duration};

use crate::{accuracy::within, harness::*};

/// Only this collector, so that the others' programs do not disturb.
const CONFIG: &str = "collectors: {interrupts: {per_cpu: true}}\n";

/// Sums over the CPUs, by the line's name: a vector, or the number of an interrupt with those who asked for it.
fn of_all_cpus(file: &str) -> BTreeMap<String, u64> {
    let text = fs::read_to_string(file).expect("procfs");
    let lines = text.lines().skip(1).filter_map(|line| {
        let (name, rest) = line.trim().split_once(':')?;
        let counts = rest.split_whitespace().map_while(|word| word.parse::<u64>().ok()).sum();
        Some((name.to_owned(), counts))
    });
    lines.collect()
}

/// Who has asked for an interrupt.
fn actions(number: &str) -> Option<String> {
    let actions = fs::read_to_string(format!("/sys/kernel/irq/{number}/actions")).ok()?;
    (!actions.trim().is_empty()).then(|| actions.trim().to_owned())
}

/// What timers, disks and the network cause on a machine that does a little of everything.
fn work() {
    let file = std::env::temp_dir().join(unique("interrupts"));
    for round in 0..50 {
        fs::write(&file, vec![round; 100_000]).expect("a folder for temporary files");
        thread::sleep(Duration::from_millis(4));
        busy(Duration::from_millis(2));
    }
    let _ = fs::remove_file(&file);
}

/// A reading before and one after each scrape: in between, nobody knows.
#[test]
fn soft_interrupts_are_as_many_as_the_kernel_counts() {
    let Some(_turn) = turn() else { return };
    let exporter = Exporter::start(CONFIG);
    let read = || of_all_cpus("/proc/softirqs");
    let (first, before, second) = (read(), exporter.scrape(), read());
    work();
    let (third, after, fourth) = (read(), exporter.scrape(), read());
    let between = Between { before, after };
    let mut all = 0;
    for vector in first.keys() {
        let label = vector.to_lowercase();
        let counted = between.count("kernel_softirq_duration_seconds_count", &[("softirq", &label)]);
        // One that runs while the kernel is asked is counted when it began, and measured when it has ended.
        let cpus = cpus().len() as u64;
        let truth =
            (third[vector] - second[vector]).saturating_sub(cpus)..=fourth[vector] - first[vector] + cpus;
        within(
            &format!("kernel_softirq_duration_seconds_count{{softirq=\"{label}\"}}"),
            "/proc/softirqs",
            counted,
            truth,
        );
        all += counted;
    }
    assert!(all > 100, "only {all} soft interrupts in all");
    let missed = between
        .count("kernel_exporter_failures_total", &[("family", "interrupts"), ("kind", "start_missed")]);
    assert!(missed <= cpus().len() as u64, "{missed} ends without a beginning");
}

#[test]
fn hard_interrupts_are_as_many_as_the_kernel_counts() {
    let Some(_turn) = turn() else { return };
    let exporter = Exporter::start(CONFIG);
    let read = || of_all_cpus("/proc/interrupts");
    let (first, before, second) = (read(), exporter.scrape(), read());
    work();
    let (third, after, fourth) = (read(), exporter.scrape(), read());
    let between = Between { before, after };
    let mut lines: BTreeMap<String, Vec<&String>> = BTreeMap::new();
    for line in first.keys() {
        if let Some(actions) = actions(line) {
            lines.entry(actions).or_default().push(line);
        }
    }
    // A shared line has every handler called, whoever it is for.
    for (name, lines) in lines.iter().filter(|(name, _)| !name.contains(',')) {
        let sum = |counts: &BTreeMap<String, u64>| {
            lines.iter().map(|line| counts.get(*line).copied().unwrap_or(0)).sum::<u64>()
        };
        let counted = between.count("kernel_interrupt_duration_seconds_count", &[("interrupt", name)]);
        let truth = (sum(&third) - sum(&second)).saturating_sub(1)..=sum(&fourth) - sum(&first) + 1;
        within(
            &format!("kernel_interrupt_duration_seconds_count{{interrupt=\"{name}\"}}"),
            "/proc/interrupts",
            counted,
            truth,
        );
    }
    assert!(!lines.is_empty(), "no interrupt has a handler");
}

/// The time by CPU is that of all handlers and vectors, told apart in another way.
#[test]
fn time_by_cpu_is_the_same_time() {
    let Some(_turn) = turn() else { return };
    let exporter = Exporter::start(CONFIG);
    work();
    let scrape = exporter.scrape();
    for (kind, metric) in
        [("hard", "kernel_interrupt_duration_seconds_sum"), ("soft", "kernel_softirq_duration_seconds_sum")]
    {
        let by_cpu =
            scrape.nanoseconds("kernel_interrupt_cpu_time_seconds_total", &[("interrupt_type", kind)]);
        let by_name = scrape.nanoseconds(metric, &[]);
        // Interrupts go on while both tables are read, one after the other.
        let more = by_cpu.abs_diff(by_name);
        assert!(more <= by_name / 20 + 1_000_000, "{kind}: {by_cpu} ns by CPU, {by_name} ns by name");
    }
    assert!(scrape.nanoseconds("kernel_softirq_duration_seconds_sum", &[]) > 0);
}
