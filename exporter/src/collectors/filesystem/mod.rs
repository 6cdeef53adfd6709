//! Collector `filesystem`.

mod fields;
mod metrics;
mod mounts;
mod programs;
mod types;

pub use metrics::*;

use anyhow::Result;
use exporter_common::{
    filesystem::{ERROR_BITS, FilesystemFields, TypeName, operation, place, series},
    rows::RowKey,
};

use super::{Books, Description, registry::Kernel, rows::RowsCollector};
use crate::{
    catalogue::{Metric, keys},
    config::{self, By, Config, Detail, Limits},
    hooks::{
        per_task::{far_tasks, nearby_tasks},
        rows::{Layout, Plan},
        rung::Rung,
    },
    kernel::{
        errno,
        object::{HASH_HEAD, Object},
    },
    snapshot::Labels,
};
use mounts::{MOUNTS, Mounts};
use types::Types;

static WITH_TASK_STORAGE: &[u8] =
    aya::include_bytes_aligned!(concat!(env!("OUT_DIR"), "/filesystem-task-storage.o"));
static WITH_THREAD_HASH: &[u8] =
    aya::include_bytes_aligned!(concat!(env!("OUT_DIR"), "/filesystem-thread-hash.o"));

/// Types that programs can be told of: more than all kernels have.
const TYPES: u32 = 512;

/// Rows of each table where cgroups are not told apart: some operations on some types of file systems.
const ROWS: u32 = 512;

/// Rows of each table where mounts are told apart.
const ROWS_OF_MOUNTS: u32 = 2048;

/// Names of what is counted.
pub struct Filesystem {
    types: Types,
    /// `None` where they are not told apart.
    mounts: Option<Mounts>,
}

impl RowsCollector for Filesystem {
    const DESCRIPTION: &'static Description = &DESCRIPTION;
    const FAMILY: &'static str = "filesystem";
    const RUNGS: &'static [Rung] = &[
        Rung {
            name: "fentry+task_storage",
            needs: "BTF, programs on functions of the kernel, task storage for them (Linux 5.12)",
            task_storage: true,
            ..Rung::tp_btf(WITH_TASK_STORAGE)
        },
        Rung {
            name: "fentry+thread_hash",
            needs: "BTF, programs on functions of the kernel",
            limit: Some(
                "of threads beyond 32,768 that are in operations at once, operations are not measured, and are counted in \
                 kernel_exporter_failures_total{kind=\"task_entry_missing\"}",
            ),
            ..Rung::tp_btf(WITH_THREAD_HASH)
        },
    ];
    const SPARSE: bool = true;
    const SERIES: &'static [Option<&'static Metric>] = &[
        None,
        Some(&DURATION),
        Some(&DURATION),
        Some(&DURATION),
        Some(&DURATION),
        Some(&DURATION),
        Some(&DURATION),
        Some(&OPERATIONS),
        Some(&OPERATIONS),
        Some(&OPERATIONS),
        Some(&OPERATIONS),
        Some(&OPERATIONS),
        Some(&OPERATIONS),
        Some(&ERRORS),
        Some(&ERRORS),
        Some(&ERRORS),
        Some(&ERRORS),
        Some(&ERRORS),
        Some(&ERRORS),
    ];
    const NOTES: &'static [&'static str] = &["start_missed", "task_entry_missing"];
    type Section = config::Filesystem;
    type Fields = FilesystemFields;

    fn section(config: &Config) -> &config::Filesystem {
        &config.collectors.filesystem
    }

    fn layout(section: &config::Filesystem, limits: &Limits) -> Layout {
        let keep_cgroup = section.by != By::None;
        let durations = section.detail == Detail::Histograms;
        let rows = match (keep_cgroup, section.mounts) {
            (true, _) => limits.slots.saturating_mul(2),
            (false, true) => ROWS_OF_MOUNTS,
            (false, false) => ROWS,
        };
        Layout {
            keep_cgroup,
            durations,
            fixed_counters: Vec::new(),
            fixed_histograms: Vec::new(),
            // Without histograms, counters are there for operations and for errors.
            counters: if durations { rows } else { rows.saturating_mul(2) },
            histograms: rows,
        }
    }

    fn maps(section: &config::Filesystem) -> Vec<(&'static str, u32, usize)> {
        let mounts = if section.mounts { MOUNTS } else { 1 };
        vec![
            ("TYPES", TYPES, HASH_HEAD + size_of::<TypeName>() + size_of::<u64>()),
            ("MOUNTS", mounts, HASH_HEAD + 2 * size_of::<u64>()),
            nearby_tasks(true),
        ]
    }

    fn plan(
        kernel: &Kernel,
        section: &config::Filesystem,
        limits: &Limits,
    ) -> Result<(Plan<FilesystemFields>, Self)> {
        let plan = Plan {
            family: Self::FAMILY,
            rungs: Self::RUNGS,
            fields: fields::of(&kernel.btf, section)?,
            programs: programs::of(&kernel.btf),
            missing: Vec::new(),
            layout: Self::layout(section, limits),
            maps: Self::maps(section).into_iter().chain([far_tasks(true)]).collect(),
        };
        let mounts = section.mounts.then(Mounts::default);
        Ok((plan, Self { types: Types::new(&section.types), mounts }))
    }

    /// An object that was made anew knows nothing yet.
    fn prepare(&mut self, object: &Object) -> Result<()> {
        self.types = self.types.anew();
        self.mounts = self.mounts.as_ref().map(|_| Mounts::default());
        self.tell(object)
    }

    fn labels(&self, of: u32, attribute: u32) -> Labels {
        let (operation, place, error) = match of {
            series::ERRORS.. => {
                let error = attribute & ((1 << ERROR_BITS) - 1);
                (of - series::ERRORS, attribute >> ERROR_BITS, Some(errno::name(error)))
            }
            series::COUNT.. => (of - series::COUNT, attribute, None),
            _ => (of - series::DURATION, attribute, None),
        };
        let of_type = place & ((1 << place::TYPE_BITS) - 1);
        let known = [
            (&keys::FILESYSTEM_OPERATION, name(operation)),
            (&keys::FILESYSTEM_TYPE, self.types.name(of_type)),
        ];
        let mount =
            self.mounts.as_ref().map(|mounts| (&keys::MOUNTPOINT, mounts.point(place >> place::TYPE_BITS)));
        let error = error.as_deref().map(|error| (&keys::ERROR_TYPE, error));
        Labels::new(known.into_iter().chain(mount).chain(error))
    }

    fn is_gone(&self, key: &RowKey) -> bool {
        let place = if key.series >= series::ERRORS { key.attribute >> ERROR_BITS } else { key.attribute };
        self.mounts.as_ref().is_some_and(|mounts| mounts.is_gone(place >> place::TYPE_BITS))
    }

    fn read_more(&mut self, object: &Object, _: &mut Books) -> Result<()> {
        self.tell(object)
    }
}

impl Filesystem {
    /// Tells programs what types and mounts there are.
    fn tell(&mut self, object: &Object) -> Result<()> {
        self.types.tell(object.map("TYPES")?)?;
        match &mut self.mounts {
            Some(mounts) => mounts.tell(object.map("MOUNTS")?),
            None => Ok(()),
        }
    }
}

fn name(number: u32) -> &'static str {
    match number {
        operation::READ => "read",
        operation::WRITE => "write",
        operation::OPEN => "open",
        operation::FSYNC => "fsync",
        operation::READDIR => "readdir",
        _ => "unlink",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_has_its_series() {
        let filesystem = Filesystem { types: Types::new(&[].into()), mounts: None };
        for (first, metric) in
            [(series::DURATION, &DURATION), (series::COUNT, &OPERATIONS), (series::ERRORS, &ERRORS)]
        {
            for (number, name) in (0..).zip(["read", "write", "open", "fsync", "readdir", "unlink"]) {
                let series = first + number;
                assert_eq!(Filesystem::SERIES[series as usize], Some(metric), "{name}");
                let labels = filesystem.labels(series, 0);
                assert_eq!(labels.get(&keys::FILESYSTEM_OPERATION), Some(name));
            }
        }
    }

    #[test]
    fn errors_have_their_names_and_places() {
        let mounts = Some(Mounts::default());
        let filesystem = Filesystem { types: Types::new(&[].into()), mounts };
        let place = 7 << place::TYPE_BITS | place::OTHER_TYPE;
        let labels =
            filesystem.labels(series::ERRORS + operation::OPEN, place << ERROR_BITS | libc::ENOENT as u32);
        let values: Vec<_> = labels.iter().map(|label| &*label.value).collect();
        for value in ["open", "(all others)", "(all other mounts)", "ENOENT"] {
            assert!(values.contains(&value), "{values:?}");
        }
    }
}
