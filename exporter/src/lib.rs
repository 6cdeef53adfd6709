//! kernel-exporter: kernel latency histograms and per-process counters, aggregated in the kernel.
//!
//! One direction, no way back: maps → [`collectors`] → [`entities`] (names, limits) → [`snapshot`] →
//! [`prometheus`] and [`otlp`]. Everything right of the maps is a function of their content plus what is known about
//! processes and cgroups, and is tested without a kernel.

mod backoff;
pub mod budget;
pub mod catalogue;
pub mod cli;
pub mod collectors;
pub mod config;
pub mod doctor;
pub mod engine;
pub mod entities;
pub mod health;
pub mod hooks;
pub mod kernel;
pub mod live;
pub mod logging;
pub mod otlp;
pub mod privileges;
pub mod prometheus;
pub mod refusal;
pub mod restart;
pub mod server;
pub mod service;
pub mod service_manager;
pub mod snapshot;
pub mod web_config;
