//! Hook family `block`: loading it, and reading what it has counted.

mod disks;
mod fields;
mod in_flight;

pub use in_flight::Device;

use std::{fs, sync::Arc, time::Instant};

use anyhow::{Context as _, Result};
use exporter_common::{
    block_io::{
        BLOCK_PROGRAMS, BlockCpu, BlockDevice, BlockErrorKey, BlockKey, BlockOwner, BlockProgram, BlockSlot,
        DEVICE_CELLS, DISK_NAME_LEN, RequestEntry, device_key,
    },
    cells::Cell,
    program::ProgramRuns,
    slots::SlotFailures,
};

use super::rung::{Choice, Rung, climb};
use crate::{
    kernel::{
        bpf,
        btf::Btf,
        cells::Cells,
        host::{self, Hierarchy},
        mapped::Mapped,
        object::{HASH_HEAD, Loader, Object},
        slots::{SlotTable, Tenancy},
    },
    snapshot::text,
};
use disks::Disks;
use in_flight::InFlight;

const OBJECT: &[u8] = aya::include_bytes_aligned!(concat!(env!("OUT_DIR"), "/block.o"));

/// Programs and the tracepoints they hang on have the same names. In the order in which they are attached:
/// a request must not be inserted or issued and its end go unseen.
pub const PROGRAMS: [(BlockProgram, &str); BLOCK_PROGRAMS] = [
    (BlockProgram::Complete, "block_rq_complete"),
    (BlockProgram::Requeue, "block_rq_requeue"),
    (BlockProgram::Merge, "block_rq_merge"),
    (BlockProgram::Issue, "block_rq_issue"),
    (BlockProgram::Insert, "block_rq_insert"),
];

/// Most requests that have finished in part at a time, where no others are remembered.
const FINISHED_IN_PART: u32 = 1_024;

/// How it can be attached.
pub static RUNGS: [Rung; 1] = [Rung::tp_btf(OBJECT)];

/// Kinds of errors that are told apart.
const ERRORS: u32 = 256;

/// Most slots.
const MAX_SLOTS: u32 = 1 << 16;

/// Labels that series keep.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Kept {
    /// The disk.
    pub device: bool,
    /// What was asked of it.
    pub operation: bool,
    /// For whom.
    pub cgroup: bool,
}

/// What the config asks of this hook family.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Parts {
    /// Slots for combinations of device, operation and cgroup.
    pub slots: u32,
    /// Labels that series keep: the kernel aggregates over the others.
    pub kept: Kept,
    /// Requests are followed through queue and device; else only their ends are counted.
    pub durations: bool,
}

impl Parts {
    fn need(self, program: BlockProgram) -> bool {
        self.durations || program == BlockProgram::Complete
    }
}

/// The attached hook family. Dropping it detaches its programs.
pub struct Block {
    object: Object,
    parts: Parts,
    cpus: Mapped<BlockCpu>,
    values: Mapped<BlockSlot>,
    slots: SlotTable<BlockOwner>,
    requests: Cells<RequestEntry>,
    devices: Cells<BlockDevice>,
    disks: Disks,
    in_flight: InFlight,
    choice: Choice,
    /// Room for reading.
    copy: Box<BlockSlot>,
}

impl Block {
    /// Loads the object, with sizes for this machine, and attaches the programs that `parts` need.
    pub fn attach(btf: &Btf, hierarchy: &Hierarchy, parts: Parts) -> Result<Self> {
        let cgroup = super::fields::cgroup(btf, hierarchy)?;
        let disks = Disks::of_this_host();
        let request_cells = disks.request_capacity();
        let block = fields::of(btf, parts, request_cells, hierarchy.id == 0 && io_is_on_v2())?;
        let mut loader = Loader::new("block", OBJECT).constant("CGROUP", &cgroup).constant("FIELDS", &block);
        for (map, entries, _) in sizes(parts, host::possible_cpus()?, &disks) {
            loader = loader.size(map, entries);
        }
        let mut object = loader.load()?;
        let cpus = object.mapped("CPUS")?;
        let values = object.mapped("SLOTS")?;
        let slots = SlotTable::new(object.mapped("OWNERS")?, object.map("FREE")?)
            .context("cannot queue the free slots")?;
        let requests = Cells::new(object.mapped("REQUESTS")?);
        let devices = Cells::new(object.mapped("DEVICES")?);
        let ((), choice) = climb(&RUNGS, |_| {
            let mut needed = PROGRAMS.iter().filter(|(program, _)| parts.need(*program));
            needed.try_for_each(|(_, name)| object.attach_tracepoint(btf, name))
        })?;
        let in_flight =
            if parts.durations { InFlight::at_start(&disks, parts.kept.device) } else { InFlight::default() };
        let copy = Box::new(BlockSlot::zeroed());
        Ok(Self { object, parts, cpus, values, slots, requests, devices, disks, in_flight, choice, copy })
    }

    /// How it is attached.
    pub fn choice(&self) -> &Choice {
        &self.choice
    }

    /// Ends the tenancy of cgroups for which `is_gone` holds, and of disks that are gone or have another name
    /// by now, for which sysfs is asked every few seconds.
    pub fn evict(&mut self, mut is_gone: impl FnMut(u64) -> bool) -> Result<()> {
        let Self { object, parts, slots, disks, .. } = self;
        disks.refresh(Instant::now());
        let gone = |owner: &BlockOwner| {
            (parts.kept.cgroup && is_gone(owner.cgroup)) || disks.is_gone(owner.device, owner.disk_name)
        };
        slots.evict(object.map("SLOT_OF")?, gone).context("cannot end a slot's tenancy")
    }

    /// Goes through all slots that may hold increments.
    pub fn read_slots(
        &mut self,
        mut visit: impl FnMut(usize, Tenancy<BlockOwner>, &BlockSlot),
    ) -> Result<()> {
        let Self { object, values, slots, copy, .. } = self;
        for (number, tenancy) in slots.scan(object.map("SLOT_OF")?).context("cannot read the slot table")? {
            values.copy(number, copy);
            visit(number, tenancy, copy);
        }
        slots.settle(object.map("FREE")?).context("cannot free a slot")
    }

    /// Errors so far, by kind. The counts wrap around.
    pub fn errors(&self) -> Result<Vec<(BlockErrorKey, u64)>> {
        bpf::entries(self.object.map("ERRORS")?, ERRORS as usize).context("cannot read map `ERRORS`")
    }

    /// All devices that have been given requests; without durations those that had errors, or requests that
    /// finished in part, and how many requests they have is said to be 0, as nobody counts them. A device that is gone is forgotten with this: its errors
    /// must have been read before.
    pub fn devices(&mut self) -> Result<Vec<Device>> {
        let counted: Vec<(u32, BlockDevice)> =
            self.devices.entries().map(|(key, device)| (device_number(key), device)).collect();
        let devices = self.in_flight.read(&counted, &mut self.disks);
        for device in devices.iter().filter(|device| device.in_flight.is_none()) {
            self.forget(device.number).with_context(|| format!("cannot forget device {}", device.name))?;
        }
        Ok(devices)
    }

    /// Deletes what maps hold of a device that is gone.
    fn forget(&mut self, number: u32) -> Result<()> {
        let errors = self.object.map("ERRORS")?;
        for (key, _) in self.errors()?.iter().filter(|(key, _)| key.device == number) {
            bpf::delete(errors, key)?;
        }
        self.requests.free(|_, entry| entry.device == number);
        let crowded = self.object.map("CROWDED")?;
        for (request, _) in
            bpf::entries::<u64, RequestEntry>(crowded, 0)?.iter().filter(|(_, entry)| entry.device == number)
        {
            bpf::delete(crowded, request)?;
        }
        self.devices.free(|key, _| key == device_key(number));
        Ok(())
    }

    /// The name of a device: the kernel's, or its number when it was never given a request.
    pub fn device_name(&self, number: u32) -> Arc<str> {
        self.in_flight.name(number).unwrap_or_else(|| {
            // Its first error may come before it was ever read.
            let mut cells = self.devices.entries();
            let cell = cells.find(|(key, _)| *key == device_key(number));
            disk_name(number, &cell.map_or([0; DISK_NAME_LEN], |(_, device)| device.disk_name)).into()
        })
    }

    /// What the programs have noted about themselves, all CPUs together.
    pub fn totals(&self) -> BlockTotals {
        let mut totals = BlockTotals::default();
        for cpu in 0..self.cpus.len() {
            totals.add(self.cpus.at(cpu));
        }
        totals
    }

    /// What was asked for.
    pub fn parts(&self) -> Parts {
        self.parts
    }

    /// Slots in use, and all there are.
    pub fn slots(&self) -> (usize, usize) {
        (self.slots.used(), self.slots.len())
    }

    /// Name and size of the maps.
    pub fn map_bytes(&self) -> &[(String, u64)] {
        self.object.map_bytes()
    }

    /// What the kernel knows about a program.
    pub fn program_info(&self, program: &str) -> Option<bpf::ProgramInfo> {
        self.object.program_info(program)
    }
}

/// Every map with its entries and the bytes of one.
fn sizes(parts: Parts, cpus: u32, disks: &Disks) -> [(&'static str, u32, usize); 9] {
    // When there are as many requests as cells, 37 % of them find theirs taken (1/e).
    let (requests, crowded) = match disks.request_capacity() {
        capacity if parts.durations => (capacity, capacity / 2),
        _ => (1, FINISHED_IN_PART),
    };
    let slots = parts.slots.clamp(2, MAX_SLOTS);
    let hash = |key: usize, value: usize| HASH_HEAD + key + value;
    [
        ("CPUS", cpus, size_of::<BlockCpu>()),
        ("REQUESTS", requests, size_of::<Cell<RequestEntry>>()),
        ("CROWDED", crowded, hash(size_of::<u64>(), size_of::<RequestEntry>())),
        ("SLOT_OF", slots, hash(size_of::<BlockKey>(), size_of::<u64>())),
        ("FREE", slots, size_of::<u32>()),
        ("OWNERS", slots, size_of::<BlockOwner>()),
        ("SLOTS", slots, size_of::<BlockSlot>()),
        ("ERRORS", ERRORS, hash(size_of::<BlockErrorKey>(), size_of::<u64>())),
        ("DEVICES", DEVICE_CELLS, size_of::<Cell<BlockDevice>>()),
    ]
}

/// Name and bytes of the maps that `parts` leads to on this machine.
pub fn map_bytes(parts: Parts) -> Vec<(String, u64)> {
    let sizes = sizes(parts, host::possible_cpus().unwrap_or(1), &Disks::of_this_host());
    let bytes = |(name, entries, size): (&str, u32, usize)| {
        (format!("block {name}"), u64::from(entries) * size as u64)
    };
    sizes.into_iter().map(bytes).collect()
}

/// A disk's name as text. What has no disk is called `none`, which no disk is.
pub fn disk_name(number: u32, name: &[u8; DISK_NAME_LEN]) -> String {
    let len = name.iter().position(|byte| *byte == 0).unwrap_or(name.len());
    match (number, len) {
        (0, _) => "none".to_owned(),
        (_, 0) => format!("{}:{}", number >> 20, number & 0xf_ffff),
        _ => text(&name[..len]),
    }
}

/// The number of a device that has a cell.
fn device_number(key: u64) -> u32 {
    (key - device_key(0)) as u32
}

/// Whether the io controller belongs to cgroup v2. Hosts may have it on v1 while memory is on v2.
fn io_is_on_v2() -> bool {
    let controllers = fs::read_to_string("/proc/cgroups").unwrap_or_default();
    let hierarchy = controllers.lines().find_map(|line| line.strip_prefix("blkio"));
    hierarchy.is_none_or(|rest| rest.split_whitespace().next() == Some("0"))
}

/// What the programs have noted about themselves, over all CPUs.
#[derive(Clone, Copy, Debug, Default)]
pub struct BlockTotals {
    /// As in [`BlockCpu`].
    pub clamped: u64,
    /// As in [`BlockCpu`].
    pub requests_full: u64,
    /// As in [`BlockCpu`].
    pub errors_full: u64,
    /// As in [`BlockCpu`].
    pub devices_full: u64,
    /// As in [`BlockCpu`].
    pub slots: SlotFailures,
    /// Indexed by [`BlockProgram`].
    pub programs: [ProgramRuns; BLOCK_PROGRAMS],
}

impl BlockTotals {
    fn add(&mut self, cpu: *const BlockCpu) {
        // SAFETY: volatile copies of fields of an existing entry.
        unsafe {
            self.clamped += (&raw const (*cpu).clamped).read_volatile();
            self.requests_full += (&raw const (*cpu).requests_full).read_volatile();
            self.errors_full += (&raw const (*cpu).errors_full).read_volatile();
            self.devices_full += (&raw const (*cpu).devices_full).read_volatile();
            self.slots += (&raw const (*cpu).slots).read_volatile();
            for (sum, program) in self.programs.iter_mut().zip((&raw const (*cpu).programs).read_volatile()) {
                *sum += program;
            }
        }
    }
}
