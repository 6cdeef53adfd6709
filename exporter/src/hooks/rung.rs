//! Rungs: the ways in which a hook family can be attached, best first. Which of them a kernel allows is not
//! announced reliably anywhere, so it is tried.
//!
//! There is no rung without BTF: field offsets and enum values are never compiled in, they come from the running
//! kernel's own type information.

use anyhow::{Result, anyhow};
use aya::maps::MapType;

use crate::refusal::{NotKept, Refusal};

/// One way to attach a hook family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rung {
    /// What metrics and `doctor` call it.
    pub name: &'static str,
    /// What it takes, beside the capabilities that all of them take.
    pub needs: &'static str,
    /// What the rung above has and this one lacks in any case; `None` when it tells as much.
    pub loses: Option<&'static str>,
    /// What is not as good as on the rung above from some size on.
    pub limit: Option<&'static str>,
    /// The BPF object that is loaded; empty where none is.
    pub object: &'static [u8],
    /// Whether the object keeps something in task storage.
    pub task_storage: bool,
}

impl Rung {
    /// Typed tracepoints and functions, which take BTF and nothing else.
    pub const fn tp_btf(object: &'static [u8]) -> Self {
        Self { name: "tp_btf", needs: "BTF", loses: None, limit: None, object, task_storage: false }
    }

    /// Asked before loading, so that the answer is clear. Whether programs on tracepoints may use task storage, only
    /// loading tells.
    fn require_task_storage(&self) -> Result<(), NotKept> {
        // Without the privilege to make any map, this one is not missing: loading will say what is.
        if !self.task_storage || aya::sys::is_map_supported(MapType::TaskStorage).unwrap_or(true) {
            return Ok(());
        }
        Err(NotKept { what: "this kernel has no task storage".to_owned(), fix: "use Linux 5.12 or later" })
    }
}

/// Which rung was taken, why those above were not, and what is missing on it nevertheless.
#[derive(Clone, Debug)]
pub struct Choice {
    rungs: &'static [Rung],
    refused: Vec<Refusal>,
    missing: Vec<Missing>,
}

/// A part of a collector that this kernel does not allow, while the rest works.
#[derive(Clone, Debug)]
pub struct Missing {
    /// What is not told without it.
    pub loses: &'static str,
    /// Why.
    pub refusal: Refusal,
}

impl Choice {
    /// All rungs of this family.
    pub fn rungs(&self) -> &'static [Rung] {
        self.rungs
    }

    /// The one that was taken: that after those which were refused.
    pub fn taken(&self) -> &'static Rung {
        &self.rungs[self.refused.len()]
    }

    /// The same, and what is missing.
    #[must_use]
    pub fn without(mut self, missing: Vec<Missing>) -> Self {
        self.missing.extend(missing);
        self
    }

    /// What this kernel does not allow while the rest works.
    pub fn missing(&self) -> &[Missing] {
        &self.missing
    }

    /// Whether less is told than on a kernel that allows more.
    pub fn is_degraded(&self) -> bool {
        self.taken().loses.is_some() || !self.missing.is_empty()
    }

    /// Why those above it were not taken, in their order.
    pub fn refused(&self) -> &[Refusal] {
        &self.refused
    }
}

/// Takes the first rung whose attempt succeeds.
///
/// # Errors
///
/// When none does: the last attempt's error, because the last rung asks for the least.
pub fn climb<T>(
    rungs: &'static [Rung],
    mut attempt: impl FnMut(&'static Rung) -> Result<T>,
) -> Result<(T, Choice)> {
    let mut refused = Vec::new();
    let mut last = anyhow!("there is no way to attach it");
    for rung in rungs {
        match rung.require_task_storage().map_err(Into::into).and_then(|()| attempt(rung)) {
            Ok(attached) => return Ok((attached, Choice { rungs, refused, missing: Vec::new() })),
            Err(error) => {
                refused.push(Refusal::of(&error));
                last = error;
            }
        }
    }
    Err(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    static RUNGS: [Rung; 2] = [
        Rung { name: "high", needs: "luck", ..Rung::tp_btf(&[]) },
        Rung { name: "low", needs: "nothing", loses: Some("the view"), ..Rung::tp_btf(&[]) },
    ];

    #[test]
    fn the_first_that_holds_is_taken() {
        let (taken, choice) = climb(&RUNGS, |rung| Ok(rung.name)).expect("the first holds");
        assert_eq!((taken, choice.taken().name, choice.refused().len()), ("high", "high", 0));
        let only_low = |rung: &Rung| if rung.name == "low" { Ok(()) } else { Err(anyhow!("too\nhigh")) };
        let ((), choice) = climb(&RUNGS, only_low).expect("the second holds");
        let refused: Vec<_> = choice.refused().iter().map(|refusal| &*refusal.message).collect();
        assert_eq!((choice.taken().name, &refused[..]), ("low", &["too high"][..]));
    }

    #[test]
    fn the_last_error_is_told_when_none_holds() {
        let error = climb::<()>(&RUNGS, |rung| Err(anyhow!("{} broke", rung.name))).expect_err("none holds");
        assert_eq!(error.to_string(), "low broke");
    }
}
