//! The exporter and the tools that will read it: Prometheus, promtool, and the strictest parser there is.
//!
//! Where a tool is missing, a test prints `SKIPPED: ` and the reason. Servers listen on the loopback.

mod cgroup;
mod command_line;
mod endurance;
mod exporter;
mod http;
mod names;
mod native;
mod parsers;
mod server;
mod sleeper;
mod tools;
mod web_config;
mod wire;
