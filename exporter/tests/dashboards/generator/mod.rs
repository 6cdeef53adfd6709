//! Dashboards, a file each; building blocks beside.

mod block_io;
mod containers;
mod exporter;
mod grafana;
mod names;
mod network;
mod node;
mod query;
mod scheduler;

/// All dashboards: name of the file, and its JSON.
pub(crate) fn all() -> Vec<(String, String)> {
    let dashboards = [
        node::dashboard(),
        containers::dashboard(),
        block_io::dashboard(),
        scheduler::dashboard(),
        network::dashboard(),
        exporter::dashboard(),
    ];
    dashboards
        .iter()
        .map(|dashboard| {
            let json = serde_json::to_string_pretty(&dashboard.json()).expect("text keys only");
            (format!("{}.json", dashboard.uid), json + "\n")
        })
        .collect()
}
