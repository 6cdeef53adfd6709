//! The page about what `doctor` says tells of everything that it can say from a closed list. What it says from
//! case to case is compared with the page by the tests of `doctor` themselves.

use kernel_exporter::{
    collectors::registry,
    entities::kubernetes,
    hooks::{cgroup, rung::Rung},
    refusal::Reason,
};

const PAGE: &str = include_str!("../../../docs/troubleshooting.md");

#[track_caller]
fn assert_heading(name: &str) {
    assert!(PAGE.contains(&format!("\n### `{name}`\n")), "docs/troubleshooting.md has no section `{name}`");
}

#[test]
fn every_reason_has_a_section() {
    Reason::ALL.iter().for_each(|reason| assert_heading(reason.name()));
    kubernetes::Reason::ALL.iter().for_each(|reason| assert_heading(reason.name()));
}

#[test]
fn every_rung_and_what_it_loses_is_there() {
    let families = registry::FAMILIES.iter().flat_map(|entry| entry.rungs);
    for Rung { name, loses, limit, .. } in families.chain(&cgroup::RUNGS) {
        assert!(PAGE.contains(&format!("`{name}`")), "docs/troubleshooting.md does not know the rung {name}");
        for text in [loses, limit].into_iter().flatten() {
            assert!(PAGE.contains(text), "docs/troubleshooting.md does not say of {name}: {text}");
        }
    }
}

#[test]
fn every_way_to_end_has_its_code() {
    for code in [kernel_exporter::cli::EXIT_FAILED, kernel_exporter::cli::EXIT_USAGE] {
        assert!(PAGE.contains(&format!("\n## Exit code {code}\n")), "docs/troubleshooting.md: {code}");
    }
}
