//! Dashboards and rules: made of the catalogue, valid, and full of data when a real Prometheus scrapes a busy exporter.
//!
//! Where a tool is missing, a test prints `SKIPPED: ` and the reason. Servers listen on the loopback.

#[expect(dead_code, reason = "tests with a pod that changes need more of it")]
#[path = "../kubernetes/cluster.rs"]
mod cluster;
#[expect(dead_code, reason = "tests of block devices need more of it")]
#[path = "../block_io/disk.rs"]
mod disk;
#[expect(dead_code, reason = "tests of servers that go down need more of it")]
#[path = "../kubernetes/endpoint.rs"]
mod endpoint;
#[path = "../kubernetes/wire.rs"]
mod wire;

#[path = "../identity/api.rs"]
mod api;
#[expect(dead_code, reason = "identity tests compare labels")]
#[path = "../identity/forms.rs"]
mod forms;
#[expect(dead_code, unused_imports, reason = "truth tests need more of it")]
#[path = "../harness/mod.rs"]
mod harness;
#[expect(dead_code, reason = "identity tests give cgroups back")]
#[path = "../identity/nest.rs"]
mod nest;

#[expect(dead_code, reason = "only its folder is needed")]
#[path = "../prometheus/exporter.rs"]
mod exporter;
#[expect(dead_code, reason = "what `exporter` needs")]
#[path = "../prometheus/http.rs"]
mod http;
#[expect(dead_code, reason = "tests of exposition need more of it")]
#[path = "../prometheus/server.rs"]
mod server;
#[expect(dead_code, reason = "tests of exposition need more of it")]
#[path = "../prometheus/tools.rs"]
mod tools;

mod evaluate;
mod form;
mod generator;
mod load;
mod names;
mod reference;
mod rules;
mod with_data;

use std::fs;

use serde_json::Value;

use tools::root_folder;

/// Every dashboard by its file's name.
pub(crate) fn dashboards() -> Vec<(String, Value)> {
    let parse = |text: &str| serde_json::from_str(text).expect("JSON");
    generator::all().into_iter().map(|(name, text)| (name, parse(&text))).collect()
}

/// The panels of a dashboard that show something.
pub(crate) fn panels(dashboard: &Value) -> impl Iterator<Item = &Value> {
    list(&dashboard["panels"]).iter().filter(|panel| panel["type"] != "row")
}

/// An array.
pub(crate) fn list(value: &Value) -> &[Value] {
    value.as_array().expect("an array")
}

/// A text.
pub(crate) fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}

/// After a change of the generator or the catalogue, `make docs` writes them anew: this test, with `UPDATE_GOLDEN=1`.
#[test]
fn the_dashboards_are_current() {
    let folder = root_folder().join("dashboards");
    let mut expected = Vec::new();
    for (name, generated) in generator::all() {
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            fs::write(folder.join(&name), &generated).expect("the folder of dashboards");
        }
        let committed = fs::read_to_string(folder.join(&name)).unwrap_or_default();
        assert!(committed == generated, "dashboards/{name} is not what is generated; run `make docs`");
        expected.push(name);
    }
    for file in fs::read_dir(&folder).expect("a folder") {
        let name = file.expect("an entry").file_name().into_string().expect("UTF-8");
        assert!(!name.ends_with(".json") || expected.contains(&name), "dashboards/{name} is not generated");
    }
}
