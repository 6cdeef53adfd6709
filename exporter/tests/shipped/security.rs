//! The page about security says of every collector what it reads in the kernel and what it keeps.

use kernel_exporter::collectors::registry;

const PAGE: &str = include_str!("../../../docs/security.md");

#[test]
fn every_collector_says_what_it_reads() {
    let rows = || PAGE.lines().filter(|line| line.starts_with("| `") && line.matches(" | ").count() == 2);
    for about in registry::descriptions() {
        let named = |row: &str| {
            row.split(" | ").next().is_some_and(|cell| cell.contains(&format!("`{}`", about.name)))
        };
        assert!(rows().any(named), "docs/security.md does not say what `{}` reads", about.name);
    }
}
