//! The page about security says of every collector what it reads in the kernel and what it keeps, and names tests that
//! are there.

use std::{fs, path::Path};

use kernel_exporter::collectors::registry;
use pulldown_cmark::{Event, Parser};

use crate::tools::root_folder;

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

/// Claims are as good as the tests that would fail without them.
#[test]
fn every_test_that_it_names_is_there() {
    let tests = root_folder().join("exporter/tests");
    let mut sources = String::new();
    read(&tests, &mut sources);
    let mut named = 0;
    for event in Parser::new(PAGE) {
        let Event::Code(code) = event else { continue };
        let is_name = |text: &str| text.chars().all(|c| c.is_ascii_lowercase() || c == '_');
        if code.ends_with(".rs") || code.ends_with('/') && !code.starts_with('/') {
            let found = [&tests, &root_folder()].iter().any(|folder| folder.join(&*code).exists());
            assert!(found, "docs/security.md: there is no {code}");
        } else if is_name(&code) && code.matches('_').count() > 3 {
            assert!(sources.contains(&format!("fn {code}(")), "docs/security.md: there is no test {code}");
        } else {
            continue;
        }
        named += 1;
    }
    assert!(named > 20, "only {named} tests are named");
}

/// All sources in a folder, one after the other.
fn read(folder: &Path, sources: &mut String) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            read(&path, sources);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            *sources += &fs::read_to_string(path).expect("text");
        }
    }
}
