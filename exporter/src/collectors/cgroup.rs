//! Hook family `cgroup`, which no collector reads: it feeds the table of cgroups.

use super::{Account, ProgramAccount};
use crate::hooks::cgroup::{Cgroup, PROGRAMS};

/// What the hook family tells about itself.
pub fn cgroup_account(hook: &Cgroup) -> Account {
    let totals = hook.totals();
    let programs = PROGRAMS.iter().filter_map(|(program, name)| {
        let info = hook.program_info(name)?;
        Some(ProgramAccount::new(name, "", totals.programs[*program as usize], &info))
    });
    Account {
        family: "cgroup",
        programs: programs.collect(),
        reads: Vec::new(),
        maps: hook.map_bytes().to_vec(),
        slots: None,
        failures: vec![("event_dropped", totals.failures.dropped)],
    }
}
