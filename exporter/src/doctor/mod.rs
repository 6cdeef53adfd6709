//! `kernel-exporter doctor`: what works on this machine with these privileges, what doesn't, and what to do.
//!
//! What a kernel announces is no promise, and what it lacks is often there in another form. So every hook
//! family is attached as [`Engine::start`](crate::engine::Engine::start) attaches it, watched for a moment, read, and
//! detached again. The facts about the machine only explain what came out.

mod machine;
mod part;
mod system;
mod text;
mod trial;

use serde::Serialize;

pub use machine::Machine;
pub use part::{Gap, Part, Program, RungReport, RungState, Status};

use crate::{config::Config, privileges};

/// The version of the JSON form, in its field `schema`. New fields do not change it.
pub const SCHEMA: u32 = 1;

/// Everything that was found out.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Diagnosis {
    /// [`SCHEMA`].
    pub schema: u32,
    /// The exporter's version.
    pub version: String,
    /// Whether everything that the config asks for works in full: what the exit code tells.
    pub healthy: bool,
    /// Facts about kernel and privileges, before anything was given up.
    pub machine: Machine,
    /// Every collector, and the events of cgroups, in the order in which they are attached.
    pub parts: Vec<Part>,
}

impl Diagnosis {
    /// Of this machine for this config, with the privileges that `run` would keep: this thread gives up the others for
    /// good. It takes about a second.
    pub fn of(config: &Config) -> Self {
        let machine = Machine::of_this_host();
        let parts = match privileges::restrict(config) {
            Ok(()) => trial::all(config),
            Err(error) => trial::none(config, &error),
        };
        let healthy = parts.iter().all(|part| matches!(part.status, Status::Ok | Status::Off));
        Self { schema: SCHEMA, version: env!("CARGO_PKG_VERSION").to_owned(), healthy, machine, parts }
    }

    /// As JSON, for programs; the schema is documented in `docs/doctor.md`.
    ///
    /// # Errors
    ///
    /// None that are known: all of it are texts, numbers and lists.
    pub fn json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string_pretty(self).map(|json| json + "\n")
    }

    /// As text of at most 100 columns, for people.
    pub fn text(&self) -> String {
        text::text(self)
    }
}
