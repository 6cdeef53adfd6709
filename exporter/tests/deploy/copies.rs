//! Files that have to be in two places, because kustomize and Helm read nothing outside of their folder: each is what it
//! was made of. `make deploy-copies` makes them anew.

use std::{collections::BTreeMap, env, fs, path::Path};

use serde_json::Value;

use crate::{documents, text, tools::root_folder};

const CHART: &str = "deploy/helm/kernel-exporter";

/// A folder, where in the chart its files go, and which of them.
type Originals = (&'static str, &'static str, fn(&str) -> bool);

/// Every copy with its content.
fn copies() -> BTreeMap<String, String> {
    let mut copies = BTreeMap::from([
        ("deploy/kubernetes/base/config.yaml".to_owned(), config_for_pods()),
        (format!("{CHART}/values.schema.json"), schema_of_values()),
    ]);
    let originals: [Originals; 2] =
        [("dashboards", "dashboards", is_dashboard), ("dashboards/rules", "rules", is_rules)];
    for (folder, into, is_original) in originals {
        for file in files_in(folder).into_iter().filter(|file| is_original(file)) {
            copies.insert(format!("{CHART}/files/{into}/{file}"), text(&format!("{folder}/{file}")));
        }
    }
    copies
}

fn is_dashboard(name: &str) -> bool {
    name.ends_with(".json")
}

fn is_rules(name: &str) -> bool {
    name.ends_with(".yaml")
}

/// The project's config, serving at the pod's address.
fn config_for_pods() -> String {
    let config = text("config.yaml");
    let lines = config.lines().filter(|line| !line.starts_with("# yaml-language-server:"));
    let lines = lines.map(|line| if line.starts_with("listen:") { "listen: 0.0.0.0:9985" } else { line });
    lines.map(|line| format!("{line}\n")).collect()
}

/// The schema of the chart's values, with that of the config in it.
fn schema_of_values() -> String {
    let mut schema: Value =
        serde_json::from_str(&text(&format!("{CHART}/values.schema.json"))).expect("JSON");
    let mut config: Value = serde_json::from_str(&text("docs/config.schema.json")).expect("JSON");
    config.as_object_mut().expect("a schema").remove("$schema");
    schema["definitions"]["config"] = config;
    serde_json::to_string_pretty(&schema).expect("it is JSON") + "\n"
}

fn files_in(folder: &str) -> Vec<String> {
    let entries = fs::read_dir(root_folder().join(folder)).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().into_string().ok()).collect()
}

#[test]
fn copies_are_what_they_were_made_of() {
    let copies = copies();
    let anew = env::var_os("UPDATE_GOLDEN").is_some();
    for folder in ["dashboards", "rules"].map(|name| format!("{CHART}/files/{name}")) {
        for file in files_in(&folder) {
            let path = format!("{folder}/{file}");
            if anew && !copies.contains_key(&path) {
                fs::remove_file(root_folder().join(&path)).expect("it can be removed");
            }
            assert!(
                anew || copies.contains_key(&path),
                "{path} has no original; make deploy-copies removes it"
            );
        }
    }
    for (path, content) in copies {
        let file = root_folder().join(&path);
        if anew {
            fs::create_dir_all(file.parent().unwrap_or(Path::new("."))).expect("a folder");
            fs::write(&file, &content).expect("it can be written");
        }
        let present = fs::read_to_string(&file).unwrap_or_default();
        assert!(present == content, "{path} is not what it was made of; make deploy-copies makes it anew");
    }
}

/// The chart and the manifests name the image of this version.
#[test]
fn versions_are_the_exporter_s() {
    const VERSION: &str = env!("CARGO_PKG_VERSION");
    let chart = documents(&text(&format!("{CHART}/Chart.yaml"))).remove(0);
    let base = documents(&text("deploy/kubernetes/base/kustomization.yaml")).remove(0);
    let named = [&chart["version"], &chart["appVersion"], &base["images"][0]["newTag"]];
    assert_eq!(named.map(Value::as_str), [Some(VERSION); 3]);
}
