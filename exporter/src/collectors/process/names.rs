//! What processes are called.

use std::sync::Arc;

use anyhow::Result;
use exporter_common::COMM_LEN;
use rustc_hash::{FxHashMap, FxHashSet};

use crate::{
    catalogue::{Key, keys},
    config::ProcessesBy,
    hooks::sched::{EXECUTABLES, Sched},
    snapshot::text,
};

/// Gives processes their names.
pub(super) struct ProcessNames {
    by: ProcessesBy,
    /// Names of executed files by their keys.
    executables: FxHashMap<u64, Arc<str>>,
    /// Keys that this read has met.
    met: FxHashSet<u64>,
}

/// What a name is made of.
#[derive(Clone, Copy, Default)]
pub(super) struct NameParts {
    pub(super) comm: [u8; COMM_LEN],
    pub(super) executable: u64,
    /// `PF_*` flags.
    pub(super) flags: u32,
    pub(super) pid: u32,
}

impl ProcessNames {
    pub(super) fn new(by: ProcessesBy) -> Self {
        Self { by, executables: FxHashMap::default(), met: FxHashSet::default() }
    }

    /// What names are made of.
    pub(super) fn by(&self) -> ProcessesBy {
        self.by
    }

    /// Other names from now on.
    pub(super) fn adopt(&mut self, by: ProcessesBy) {
        self.by = by;
    }

    /// The label that has the name, if there is one.
    pub(super) fn key(&self) -> Option<&'static Key> {
        match self.by {
            ProcessesBy::Command => Some(&keys::COMMAND),
            ProcessesBy::Executable => Some(&keys::EXECUTABLE),
            ProcessesBy::Pid => Some(&keys::PID),
            ProcessesBy::None => None,
        }
    }

    /// The name; empty when it is not known.
    pub(super) fn of(&mut self, process: &NameParts, sched: &Sched) -> Result<Arc<str>> {
        Ok(match self.by {
            ProcessesBy::Command => command(&process.comm, process.flags).into(),
            ProcessesBy::Executable if process.flags & PF_KTHREAD == 0 => {
                self.executable(process.executable, sched)?
            }
            ProcessesBy::Executable => command(&process.comm, process.flags).into(),
            ProcessesBy::Pid => process.pid.to_string().into(),
            ProcessesBy::None => Arc::default(),
        })
    }

    fn executable(&mut self, key: u64, sched: &Sched) -> Result<Arc<str>> {
        if key == 0 {
            return Ok(Arc::default());
        }
        self.met.insert(key);
        if let Some(name) = self.executables.get(&key) {
            return Ok(Arc::clone(name));
        }
        let Some(name) = sched.executable(key)? else { return Ok(Arc::default()) };
        let name: Arc<str> = text(until_zero(&name.0)).into();
        self.executables.insert(key, Arc::clone(&name));
        Ok(name)
    }

    /// Makes room for other files' names, at the end of a read that has met all processes.
    pub(super) fn forget_unused(&mut self, sched: &Sched) -> Result<()> {
        let met = std::mem::take(&mut self.met);
        if self.executables.len() < EXECUTABLES as usize / 2 {
            return Ok(());
        }
        self.executables.retain(|key, _| met.contains(key));
        sched.forget_executables(|key| met.contains(&key))
    }
}

/// `task_struct.flags` of a kernel thread.
const PF_KTHREAD: u32 = 0x0020_0000;

/// A process' command name. Kernel threads are shown in brackets, as ps does, and without what follows the
/// slash: `kworker/3:1-events` would be a series per CPU and worker.
fn command(comm: &[u8; COMM_LEN], flags: u32) -> String {
    let name = until_zero(comm);
    if flags & PF_KTHREAD == 0 {
        return text(name);
    }
    format!("[{}]", text(name.split(|byte| *byte == b'/').next().unwrap_or_default()))
}

fn until_zero(bytes: &[u8]) -> &[u8] {
    bytes.split(|byte| *byte == 0).next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn comm(name: &[u8]) -> [u8; COMM_LEN] {
        let mut comm = [0; COMM_LEN];
        comm[..name.len()].copy_from_slice(name);
        comm
    }

    #[test]
    fn kernel_threads_are_in_brackets_and_without_their_cpu() {
        assert_eq!(command(&comm(b"kworker/3:1-eve"), PF_KTHREAD), "[kworker]");
        assert_eq!(command(&comm(b"kswapd0"), PF_KTHREAD), "[kswapd0]");
        assert_eq!(command(&comm(b"kworker/3:1-eve"), 0), "kworker/3:1-eve");
        assert_eq!(command(&comm(b"a\"b\n\xff"), 0), "a\"b\n\\xff");
    }
}
