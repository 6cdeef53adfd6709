//! The `kernel-exporter` binary: wiring only.
fn main() {}
