//! Recording rules and alerts.

use std::{collections::BTreeSet, fs, path::PathBuf, process::Command};

use serde_yaml::Value;

use crate::tools::{fed, or_skip, prometheus_tool, root_folder};

/// The files with rules, or with their tests.
pub(crate) fn files(folder: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(root_folder().join(folder)).expect("a folder");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let mut files: Vec<_> = paths.filter(|path| path.extension().is_some_and(|end| end == "yaml")).collect();
    files.sort();
    assert!(!files.is_empty());
    files
}

/// All groups of rules.
pub(crate) fn groups() -> Vec<Value> {
    let mut groups = Vec::new();
    for file in files("dashboards/rules") {
        let content = fs::read_to_string(file).expect("text");
        let content: Value = serde_yaml::from_str(&content).expect("YAML");
        groups.extend(content["groups"].as_sequence().expect("a list").clone());
    }
    groups
}

fn rules() -> Vec<Value> {
    groups().iter().flat_map(|group| group["rules"].as_sequence().expect("a list").clone()).collect()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// Every rule's query, with the rule's name.
pub(crate) fn expressions() -> Vec<(String, String)> {
    let name = |rule: &Value| text(&rule["record"]) + &text(&rule["alert"]);
    rules().iter().map(|rule| (name(rule), text(&rule["expr"]))).collect()
}

/// What is recorded: name and query.
pub(crate) fn recorded() -> Vec<(String, String)> {
    let rules = rules();
    let recorded = rules.iter().filter(|rule| rule.get("record").is_some());
    recorded.map(|rule| (text(&rule["record"]), text(&rule["expr"]))).collect()
}

#[test]
fn promtool_accepts_rules_and_their_tests_pass() {
    let promtool = or_skip!(prometheus_tool("promtool"));
    let check = ["check", "rules", "--lint=all", "--lint-fatal"];
    let (said, is_content) = fed(Command::new(&promtool).args(check).args(files("dashboards/rules")), b"");
    assert!(is_content, "{said}");
    let tests = files("dashboards/rules/tests");
    let (said, is_content) = fed(Command::new(&promtool).args(["test", "rules"]).args(tests), b"");
    assert!(is_content, "{said}");
}

/// Every alert can be acted upon: it has its texts, a page of its own, and a test in which it fires.
#[test]
fn alerts_are_complete() {
    let tests: String =
        files("dashboards/rules/tests").iter().map(|file| fs::read_to_string(file).expect("text")).collect();
    let mut pages = BTreeSet::from(["README.md".to_owned()]);
    for alert in rules().iter().filter(|rule| rule.get("alert").is_some()) {
        let name = text(&alert["alert"]);
        assert!(["warning", "critical"].contains(&&*text(&alert["labels"]["severity"])), "{name}");
        for annotation in ["summary", "description"] {
            assert!(text(&alert["annotations"][annotation]).ends_with('.'), "{name}: no {annotation}");
        }
        let page = format!("docs/runbooks/{name}.md");
        assert!(text(&alert["annotations"]["runbook_url"]).ends_with(&page), "{name}");
        let content = fs::read_to_string(root_folder().join(&page)).unwrap_or_default();
        assert!(content.starts_with(&format!("# {name}\n")), "there is no {page}");
        pages.insert(format!("{name}.md"));
        let fires = tests
            .split("- alertname: ")
            .any(|test| test.starts_with(&format!("{name}\n")) && test.contains("exp_labels: {severity: "));
        assert!(fires, "{name} fires in no test");
    }
    let folder = fs::read_dir(root_folder().join("docs/runbooks")).expect("a folder");
    for file in folder {
        let name = file.expect("an entry").file_name().into_string().expect("UTF-8");
        assert!(pages.contains(&name), "docs/runbooks/{name} is no alert's");
    }
}
