//! Collector `filesystem`.

mod metrics;
mod mounts;

pub use metrics::*;

use anyhow::Result;
use exporter_common::{
    filesystem::{
        FilesystemFields, OPERATION_BITS, PLACE_BITS, PLACES, Place, PlaceKey, place, program, series,
    },
};

use super::{Description, registry::Kernel, rows::RowsCollector};
use crate::{
    catalogue::{Metric, keys},
    config::{self, By, Config, Limits},
    hooks::{
        per_task::{far_tasks, nearby_tasks},
        rows::{Hook, Layout, Plan, Program},
        rung::{Missing, Rung},
    },
    kernel::{
        bpf,
        btf::{Btf, BtfError},
        errno,
        mapped::Mapped,
        object::{HASH_HEAD, Object},
    },
    refusal::{Reason, Refusal},
    snapshot::{Labels, text},
};

static WITH_TASK_STORAGE: &[u8] =
    aya::include_bytes_aligned!(concat!(env!("OUT_DIR"), "/filesystem-task-storage.o"));
static WITH_THREAD_HASH: &[u8] =
    aya::include_bytes_aligned!(concat!(env!("OUT_DIR"), "/filesystem-thread-hash.o"));

/// Operations by their numbers.
const OPERATIONS: [&str; 6] = ["read", "write", "open", "fsync", "readdir", "unlink"];

/// Functions of the kernel: their names, of which the first that there is counts; the programs at the return and at the
/// entry with their numbers; and what is not told without it.
#[rustfmt::skip]
static FUNCTIONS: [(&[&str], [(&str, u32); 2], Option<&str>); 9] = [
    (&["vfs_read"], [("read_ends", program::READ_ENDS), ("read_begins", program::READ_BEGINS)], None),
    (&["vfs_write"], [("write_ends", program::WRITE_ENDS), ("write_begins", program::WRITE_BEGINS)], None),
    (&["vfs_readv"], [("readv_ends", program::READV_ENDS), ("readv_begins", program::READV_BEGINS)],
        Some("reads by readv and preadv")),
    (&["vfs_writev"], [("writev_ends", program::WRITEV_ENDS), ("writev_begins", program::WRITEV_BEGINS)],
        Some("writes by writev and pwritev")),
    (&["do_filp_open", "do_file_open"], [("open_ends", program::OPEN_ENDS), ("open_begins", program::OPEN_BEGINS)],
        Some("the operation `open`")),
    (&["vfs_fsync"], [("fsync_ends", program::FSYNC_ENDS), ("fsync_begins", program::FSYNC_BEGINS)],
        Some("the operation `fsync`")),
    (&["vfs_fsync_range"],
        [("fsync_range_ends", program::FSYNC_RANGE_ENDS), ("fsync_range_begins", program::FSYNC_RANGE_BEGINS)],
        Some("fsync of a part of a file, as msync asks for")),
    (&["iterate_dir"], [("readdir_ends", program::READDIR_ENDS), ("readdir_begins", program::READDIR_BEGINS)],
        Some("the operation `readdir`")),
    (&["vfs_unlink"], [("unlink_ends", program::UNLINK_ENDS), ("unlink_begins", program::UNLINK_BEGINS)],
        Some("the operation `unlink`")),
];

/// Rows for tenants where cgroups are not told apart: file systems, operations and errors.
const ROWS: (u32, u32) = (512, 512);

/// Names of file systems by their numbers.
#[derive(Default)]
pub struct Filesystem {
    /// `None` until there is an object.
    places: Option<Mapped<Place>>,
}

impl RowsCollector for Filesystem {
    const DESCRIPTION: &'static Description = &DESCRIPTION;
    const FAMILY: &'static str = "filesystem";
    const RUNGS: &'static [Rung] = &[
        Rung {
            name: "fentry+task_storage",
            needs: "BTF, programs on functions (fentry), task storage for them (Linux 5.12)",
            loses: None,
            limit: None,
        },
        Rung {
            name: "fentry+thread_hash",
            needs: "BTF, programs on functions (fentry)",
            loses: None,
            limit: Some(
                "of threads beyond 32,768 that are in operations at once, operations are counted in \
                 kernel_exporter_failures_total{kind=\"task_entry_missing\"} only",
            ),
        },
    ];
    const OTHER_OBJECTS: &'static [&'static [u8]] = &[WITH_THREAD_HASH];
    const SERIES: &'static [Option<&'static Metric>] = &[None, Some(&DURATION), Some(&ERRORS)];
    const NOTES: &'static [&'static str] = &["start_missed", "task_entry_missing", "file_system_unnamed"];
    type Section = config::Filesystem;
    type Fields = FilesystemFields;

    fn section(config: &Config) -> &config::Filesystem {
        &config.collectors.filesystem
    }

    fn layout(section: &config::Filesystem, limits: &Limits) -> Layout {
        let keep_cgroup = section.by != By::None;
        let of_cgroups = (limits.slots.saturating_mul(2), limits.slots);
        let (counters, histograms) = if keep_cgroup { of_cgroups } else { ROWS };
        Layout {
            keep_cgroup,
            durations: true,
            fixed_counters: Vec::new(),
            fixed_histograms: Vec::new(),
            counters,
            histograms,
        }
    }

    fn maps(_: &config::Filesystem) -> Vec<(&'static str, u32, usize)> {
        vec![
            nearby_tasks(true),
            ("PLACE_OF", PLACES, HASH_HEAD + size_of::<PlaceKey>() + size_of::<u64>()),
            ("FREE_PLACES", PLACES, size_of::<u32>()),
            ("PLACES", PLACES, size_of::<Place>()),
        ]
    }

    fn plan(
        kernel: &Kernel,
        section: &config::Filesystem,
        limits: &Limits,
    ) -> Result<(Plan<FilesystemFields>, Self)> {
        let (mut programs, mut missing) = (Vec::new(), Vec::new());
        for (names, [ends, begins], loses) in FUNCTIONS {
            let found = names.iter().find_map(|name| Some((*name, kernel.btf.function(name)?)));
            let Some((function, arguments)) = found else {
                let refusal = no_function(names);
                let Some(loses) = loses else { return Err(refusal.into()) };
                missing.push(Missing { loses, refusal });
                continue;
            };
            // The dentry came to be its third argument with Linux 5.12.
            let old_unlink = ends.0 == "unlink_ends" && arguments.get(2).is_none_or(|kind| kind != "dentry*");
            let ends = if old_unlink { ("unlink_ends_without_idmap", ends.1) } else { ends };
            // Ends first: of an operation that has begun, the end must be seen, or the next one is taken for part of it.
            let program = |(name, number), hook: Hook| Program { name, number, hook, loses };
            programs.push(program(ends, Hook::Exit(function)));
            programs.push(program(begins, Hook::Entry(function)));
        }
        let plan = Plan {
            family: Self::FAMILY,
            object: WITH_TASK_STORAGE,
            rungs: Self::RUNGS,
            fields: fields(&kernel.btf, section)?,
            programs,
            missing,
            layout: Self::layout(section, limits),
            maps: Self::maps(section).into_iter().chain([far_tasks(true)]).collect(),
        };
        Ok((plan, Self::default()))
    }

    fn prepare(&mut self, object: &Object) -> Result<()> {
        self.places = Some(object.mapped("PLACES")?);
        let free = object.map("FREE_PLACES")?;
        (place::OTHER + 1..PLACES).try_for_each(|number| bpf::push(free, &number))?;
        Ok(())
    }

    fn labels(&self, of: u32, attribute: u32) -> Labels {
        let place = attribute & ((1 << PLACE_BITS) - 1);
        let operation = attribute >> PLACE_BITS & ((1 << OPERATION_BITS) - 1);
        let operation = OPERATIONS.get(operation as usize).copied().unwrap_or("unknown");
        let labels = self.place(place).with([(&keys::FILE_OPERATION, operation)]);
        if of == series::ERRORS {
            let error = errno::name(attribute >> (PLACE_BITS + OPERATION_BITS));
            labels.with([(&keys::ERROR_TYPE, &*error)])
        } else {
            labels
        }
    }
}

impl Filesystem {
    /// The labels of a file system.
    fn place(&self, number: u32) -> Labels {
        let Some(places) = self.places.as_ref().filter(|_| number != place::OTHER && number < PLACES) else {
            let stand_in = if number == place::UNKNOWN { "unknown" } else { "other" };
            return Labels::new([(&keys::FILESYSTEM_TYPE, stand_in)]);
        };
        let place = places.get(number as usize);
        let name = place.name.split(|byte| *byte == 0).next().unwrap_or_default();
        let labels = Labels::new([(&keys::FILESYSTEM_TYPE, &*text(name))]);
        if place.device == 0 {
            return labels;
        }
        let mount = mounts::of_device(place.device);
        let point = mount.point.as_deref().map(|point| (&keys::MOUNTPOINT, point));
        labels.with([(&keys::DEVICE, &*mount.device)].into_iter().chain(point))
    }
}

fn no_function(names: &[&str]) -> Refusal {
    Refusal {
        reason: Reason::NoHook,
        message: format!("this kernel has no function `{}` to which programs can be attached", names.join("` or `")),
        fix: "report it with the kernel's version".to_owned(),
    }
}

fn fields(btf: &Btf, section: &config::Filesystem) -> Result<FilesystemFields, BtfError> {
    Ok(FilesystemFields {
        file_inode: btf.offset("file", "f_inode")?,
        inode_mode: btf.offset("inode", "i_mode")?,
        inode_sb: btf.offset("inode", "i_sb")?,
        dentry_sb: btf.offset("dentry", "d_sb")?,
        sb_flags: btf.offset("super_block", "s_flags")?,
        sb_type: btf.offset("super_block", "s_type")?,
        sb_dev: btf.offset("super_block", "s_dev")?,
        type_name: btf.offset("file_system_type", "name")?,
        type_flags: btf.offset("file_system_type", "fs_flags")?,
        mounts: u32::from(section.mounts),
    })
}

