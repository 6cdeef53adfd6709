//! Three alerts, live: a real exporter, a real Prometheus with the rules that are shipped, and a real fault, which a script
//! of `scripts/cases` makes. And the scripts themselves: they name culprit and victim, and leave nothing behind.
//!
//! Where a tool is missing, a test prints `SKIPPED: ` and the reason. Servers listen on the loopback.

#[expect(dead_code, reason = "only its folder is needed")]
#[path = "../prometheus/exporter.rs"]
mod exporter;
#[expect(dead_code, unused_imports, reason = "truth tests need more of it")]
#[path = "../harness/mod.rs"]
mod harness;
#[expect(dead_code, reason = "what `exporter` needs")]
#[path = "../prometheus/http.rs"]
mod http;
#[expect(dead_code, reason = "tests of exposition need more of it")]
#[path = "../prometheus/server.rs"]
mod server;
#[expect(dead_code, reason = "tests of exposition need more of it")]
#[path = "../prometheus/tools.rs"]
mod tools;

mod alert;
mod case;
mod disk;
mod history;
mod retransmits;
mod rules;
mod run_queue;
