//! What it is deployed with: manifests, the Helm chart, the image and the Debian package, judged by the tools that
//! they are for, and the exporter itself in a container with exactly the manifest's privileges.

#[expect(dead_code, unused_imports, reason = "truth tests need more of it")]
#[path = "../harness/mod.rs"]
mod harness;
#[expect(dead_code, reason = "tests of Prometheus need more of it")]
#[path = "../prometheus/tools.rs"]
mod tools;

#[expect(dead_code, reason = "tests of the web config need more of it")]
#[path = "../web/authority.rs"]
mod authority;
#[expect(dead_code, reason = "tests of the web config need more of it")]
#[path = "../web/client.rs"]
mod client;

mod chart;
mod container;
mod copies;
mod examples;
mod image;
mod kubernetes;
mod manifests;
mod names;
mod namespace;
mod package;
mod statically;

use std::{fs, path::PathBuf, process::Command};

use serde_json::Value;

use crate::tools::{fed, root_folder};

/// A Python with Helm's library and the validators of manifests, or why the test can't run here.
fn python() -> Result<PathBuf, String> {
    fetched("venv-deploy/bin/python")
}

/// What `scripts/setup.sh test` fetches, below `.cache`.
fn fetched(path: &str) -> Result<PathBuf, String> {
    let file = root_folder().join(".cache").join(path);
    let missing = format!("no .cache/{path}; scripts/setup.sh test puts it there");
    if file.exists() { Ok(file) } else { Err(missing) }
}

/// A program that is on the path, or why the test can't run here.
fn program(name: &str) -> Result<PathBuf, String> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .map(|folder| folder.join(name))
        .find(|file| file.is_file())
        .ok_or_else(|| format!("no {name} here; scripts/setup.sh test installs it"))
}

/// What a script beside these tests prints for a case, both in JSON.
fn answered(python: &PathBuf, script: &str, case: &Value) -> Value {
    let script = root_folder().join("exporter/tests/deploy").join(script);
    let (printed, succeeded) = fed(Command::new(python).arg(script), case.to_string().as_bytes());
    assert!(succeeded, "{printed}");
    serde_json::from_str(&printed).expect(&printed)
}

/// A file of the project.
fn text(path: &str) -> String {
    fs::read_to_string(root_folder().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The documents in a stream of YAML.
fn documents(yaml: &str) -> Vec<Value> {
    use serde::Deserialize as _;
    let documents = serde_yaml::Deserializer::from_str(yaml).map(Value::deserialize);
    let documents = documents.map(|document| document.unwrap_or_else(|error| panic!("{error}\n{yaml}")));
    documents.filter(|document| !document.is_null()).collect()
}

/// The object of a kind, of which there is one.
fn object<'a>(objects: &'a [Value], kind: &str) -> &'a Value {
    let mut found = objects.iter().filter(|object| object["kind"] == kind);
    let first = found.next().unwrap_or_else(|| panic!("no {kind}"));
    assert!(found.next().is_none(), "more than one {kind}");
    first
}
