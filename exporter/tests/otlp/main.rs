//! Pushes to a real receiver on the loopback, by gRPC and by HTTP, which fails, hangs, refuses and restarts.
//!
//! There is no kernel here: a ledger takes random increments, and every read is a snapshot of it, as in the
//! exporter.

mod bench;
mod chaos;
mod manners;
mod receiver;
mod reload;
mod service;
mod tls;
mod victoria;
mod world;
