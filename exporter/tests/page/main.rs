//! The live page in a real browser, which a real exporter serves.
//!
//! Chromium is told what to do through its driver, whose protocol is JSON by HTTP. Where either is missing, a test prints
//! `SKIPPED: ` and the reason.

#[expect(dead_code, unused_imports, reason = "truth tests need more of it")]
#[path = "../harness/mod.rs"]
mod harness;

mod browser;
mod driver;
mod load;
mod looks;
mod many;
mod rules;
