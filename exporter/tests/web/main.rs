//! The server with a web configuration, over loopback: TLS, certificates and passwords of clients, limits,
//! and files that change meanwhile.
//!
//! Where promtool is missing, a test prints `SKIPPED: ` and the reason.

mod authority;
mod bench;
mod client;
mod client_certificates;
mod files;
mod limits;
mod reload;
mod tls;
mod users;
