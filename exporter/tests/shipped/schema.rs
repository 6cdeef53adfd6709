//! The config's schema says what the loader does, as far as a schema can: judged by Python's `jsonschema`.

use std::{fs, process::Command};

use kernel_exporter::config::{Config, json_schema};
use serde_json::{Value, json};

use crate::tools::{fed, or_skip, python, root_folder};

const DOCUMENTED: &str = include_str!("../../../config.yaml");

/// Mistakes that a schema cannot know, and why.
const BEYOND_A_SCHEMA: [(&str, &str); 15] = [
    ("bounds-upside-down", "compares two keys"),
    ("duration-beyond-64-bits", "JSON Schema has no ranges of durations"),
    ("duration-too-long", "the same"),
    ("duration-too-short", "the same"),
    ("kubelet-interval-too-short", "the same"),
    ("linger-too-long", "the same"),
    ("otlp-interval-too-short", "the same"),
    ("live-history-too-short", "the same"),
    ("live-memory-too-large", "JSON Schema has no ranges of sizes"),
    ("listen-impossible-address", "every number of an address has its own range"),
    ("otlp-certificate-without-key", "an empty key file is as good as none"),
    ("otlp-endpoint-twice", "two endpoints with one URL may differ in other keys"),
    ("otlp-grpc-with-path", "compares two keys"),
    ("pod-labels-that-become-one", "compares what becomes of two labels"),
    ("merge-key", "a parser that knows merge keys has merged them before the schema sees them"),
];

#[test]
fn editors_find_the_schema() {
    let first = DOCUMENTED.lines().next();
    assert_eq!(first, Some("# yaml-language-server: $schema=docs/config.schema.json"));
}

#[test]
fn every_key_is_described_and_has_its_default() {
    let mut keys = 0;
    for (path, key) in leaves(&json_schema()) {
        assert!(key["description"].as_str().is_some_and(|text| text.ends_with('.')), "{path}: {key}");
        assert!(key.get("default").is_some() || path == "/otlp/endpoints/0/url", "{path}: {key}");
        // Whoever adds a number says its range by `#[serde(with = "WholeNumber::<MIN, MAX>")]`.
        assert!(key["type"] != "integer" || key["maximum"].is_i64(), "{path} has no range: {key}");
        keys += 1;
    }
    assert!(keys >= 51, "only {keys} keys");
}

/// Made of nothing but the schema's defaults, a config is the default one.
#[test]
fn the_defaults_are_the_loader_s() {
    let mut config = json!({});
    for (path, key) in leaves(&json_schema()).into_iter().filter(|(path, _)| !path.contains("/0")) {
        *at(&mut config, &path) = key["default"].clone();
    }
    let read = Config::from_yaml("defaults", config.to_string().as_bytes()).expect("valid");
    assert_eq!(read, Config::default());
}

/// Every word that a key may be is one that the loader takes.
#[test]
fn the_words_are_the_loader_s() {
    let mut words = 0;
    for (path, key) in leaves(&json_schema()) {
        for word in key["oneOf"].as_array().into_iter().flatten() {
            let mut config = json!({});
            *at(&mut config, &path) = word["const"].clone();
            if path.starts_with("/otlp/endpoints/0") {
                config["otlp"]["endpoints"][0]["url"] = "http://127.0.0.1:4318".into();
            }
            let read = Config::from_yaml("word", config.to_string().as_bytes());
            assert!(read.is_ok(), "{config}: {read:?}");
            words += 1;
        }
    }
    assert!(words >= 20, "only {words} words");
}

#[test]
fn what_the_loader_takes_is_valid() {
    let endpoint =
        "otlp: {endpoints: [{url: 'http://127.0.0.1:4318', headers: {Authorization: 'Bearer 1'}}]}";
    let documents = [
        DOCUMENTED,
        "",
        "{}",
        "limits:\n  # slots: 64\nlog: ~\n",
        "limits: {slots: 64}\ncollectors: {process: {processes_by: pid}}",
        "collectors: {block_io: {labels: [], by: none}, scheduler: }",
        "listen: '[::]:9985'",
        "listen: node-1.example_x:00080",
        "read_interval: 1m30s",
        "log: {level: 'info, kernel_exporter::config = debug', format: json}",
        "log: {level: off}",
        "kubernetes: {node: 1, source: off, kubelet: {url: 'https://[::1]:10250/'}, patience: 0s}",
        "kubernetes: {pod_labels: [app, app.kubernetes.io/name, 1], pod_annotations: [a/b]}",
        endpoint,
        "otlp: {endpoints: [{url: https://a/api/v1/otlp, headers: , tls: , compression: none, timeout: 100ms}]}",
        "otlp: {endpoints: [{url: http://a:4317, protocol: grpc}], temporality: delta, histograms: explicit}",
    ];
    for text in documents {
        let read = Config::from_yaml("valid", text.as_bytes());
        assert!(read.is_ok(), "{text}: {read:?}");
    }
    let python = or_skip!(python());
    let parsed = documents.map(|text| as_an_editor_reads(text.as_bytes()).expect(text));
    for (text, mistakes) in documents.iter().zip(judged(&python, &parsed)) {
        assert!(mistakes.is_empty(), "{text}\n{mistakes:?}");
    }
}

#[test]
fn what_the_loader_refuses_is_invalid() {
    let python = or_skip!(python());
    let folder = root_folder().join("exporter/tests/bad-config");
    let mut names = Vec::new();
    let mut documents = Vec::new();
    for entry in fs::read_dir(folder).expect("the folder is there") {
        let path = entry.expect("the folder can be read").path();
        if path.extension().is_some_and(|extension| extension == "yaml")
            && let Some(document) = as_an_editor_reads(&fs::read(&path).expect("a file"))
        {
            names.push(path.file_stem().and_then(|name| name.to_str()).expect("text").to_owned());
            documents.push(document);
        }
    }
    assert!(names.len() >= 60, "only {} files are YAML", names.len());
    let judged = judged(&python, &documents);
    let passed = names.iter().zip(judged).filter(|(_, mistakes)| mistakes.is_empty());
    let mut passed: Vec<&str> = passed.map(|(name, _)| name.as_str()).collect();
    passed.sort_unstable();
    let mut expected = BEYOND_A_SCHEMA.map(|(name, _)| name);
    expected.sort_unstable();
    assert_eq!(passed, expected);
}

/// What an editor checks. `None` is what it can't parse, which it says itself.
fn as_an_editor_reads(bytes: &[u8]) -> Option<Value> {
    let mut document: serde_yaml::Value = serde_yaml::from_slice(bytes).ok()?;
    document.apply_merge().ok()?;
    serde_json::to_value(document).ok()
}

/// The mistakes in each document.
fn judged(python: &std::path::Path, documents: &[Value]) -> Vec<Vec<String>> {
    const JUDGE: &str = "
import json, sys, jsonschema
case = json.load(sys.stdin)
jsonschema.Draft7Validator.check_schema(case['schema'])
judge = jsonschema.Draft7Validator(case['schema'])
print(json.dumps([[e.message for e in judge.iter_errors(d)] for d in case['documents']]))
";
    let case = json!({ "schema": json_schema(), "documents": documents });
    let (printed, succeeded) = fed(Command::new(python).args(["-c", JUDGE]), case.to_string().as_bytes());
    assert!(succeeded, "{printed}");
    serde_json::from_str(&printed).expect(&printed)
}

/// Every key with a value of its own, as a JSON pointer to where it may stand, and its schema.
pub(crate) fn leaves(schema: &Value) -> Vec<(String, Value)> {
    let mut found = Vec::new();
    walk(schema, String::new(), &mut found);
    found
}

fn walk(schema: &Value, path: String, found: &mut Vec<(String, Value)>) {
    match schema["properties"].as_object() {
        Some(keys) => keys.iter().for_each(|(key, schema)| walk(schema, format!("{path}/{key}"), found)),
        None => found.push((path.clone(), schema.clone())),
    }
    if schema["items"]["properties"].is_object() {
        walk(&schema["items"], format!("{path}/0"), found);
    }
}

/// The place of a JSON pointer, made if it is missing.
pub(crate) fn at<'a>(document: &'a mut Value, path: &str) -> &'a mut Value {
    path.split('/').skip(1).fold(document, |value, step| match step {
        "0" => {
            if !value.is_array() {
                *value = json!([{}]);
            }
            &mut value[0]
        }
        key => &mut value[key],
    })
}
