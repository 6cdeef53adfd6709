//! Loading a BPF object: constants in, maps sized, programs attached, each failure with its program's name.

use std::os::fd::{AsFd as _, BorrowedFd};

use anyhow::{Context as _, Result, anyhow, bail};
use aya::{
    Ebpf, EbpfLoader, VerifierLogLevel,
    maps::{Map, MapData},
    programs::{
        BtfTracePoint, CgroupAttachMode, FEntry, FExit, Iter, Program, ProgramError, RawTracePoint, SockOps,
    },
};
use exporter_common::Plain;

use super::{bpf, btf::Btf, mapped::Mapped};

/// What the kernel keeps in front of every element of a preallocated hash (`struct htab_elem`).
pub const HASH_HEAD: usize = 48;

/// A BPF object before it is loaded.
pub struct Loader<'a> {
    name: &'static str,
    bytes: &'a [u8],
    loader: EbpfLoader<'a>,
}

impl<'a> Loader<'a> {
    /// Prepares the object `bytes`, called `name` in messages.
    pub fn new(name: &'static str, bytes: &'a [u8]) -> Self {
        let mut loader = EbpfLoader::new();
        // Task storage has no type in aya; we address its map only from programs. And nothing in our objects is relocated
        // by the kernel's types: those that aya has read, 20 MB, can go at once.
        loader.allow_unsupported_maps().verifier_log_level(VerifierLogLevel::DEBUG).btf(None);
        Self { name, bytes, loader }
    }

    /// Sets a constant, which the kernel freezes.
    pub fn constant<T: Plain>(mut self, name: &'a str, value: &'a T) -> Self {
        // SAFETY: a plain type has no padding, so all its bytes may be looked at.
        let bytes =
            unsafe { std::slice::from_raw_parts(std::ptr::from_ref(value).cast::<u8>(), size_of::<T>()) };
        self.loader.override_global(name, bytes, true);
        self
    }

    /// Sets the number of a map's entries.
    pub fn size(mut self, map: &'a str, entries: u32) -> Self {
        self.loader.map_max_entries(map, entries);
        self
    }

    /// Makes the maps; programs are loaded one by one afterwards.
    pub fn load(mut self) -> Result<Object> {
        let ebpf = self
            .loader
            .load(self.bytes)
            .with_context(|| format!("cannot load BPF object `{}`", self.name))?;
        let map_bytes = map_bytes(&ebpf);
        Ok(Object { ebpf, map_bytes })
    }
}

/// A loaded BPF object. Dropping it detaches its programs and frees its maps.
pub struct Object {
    ebpf: Ebpf,
    map_bytes: Vec<(String, u64)>,
}

impl Object {
    /// Attaches `program` to the typed tracepoint of the same name.
    pub fn attach_tracepoint(&mut self, btf: &Btf, program: &'static str) -> Result<()> {
        let btf = btf.for_loading()?;
        let tracepoint = self.loaded(program, |loaded: &mut BtfTracePoint| loaded.load(program, btf))?;
        tracepoint.attach().with_context(|| format!("cannot attach to tracepoint `{program}`"))?;
        Ok(())
    }

    /// Attaches `program` to the entry of the kernel's function `function`.
    pub fn attach_function_entry(&mut self, btf: &Btf, program: &'static str, function: &str) -> Result<()> {
        let btf = btf.for_loading()?;
        let entry = self.loaded(program, |loaded: &mut FEntry| loaded.load(function, btf))?;
        entry.attach().with_context(|| format!("cannot attach to the entry of function `{function}`"))?;
        Ok(())
    }

    /// Attaches `program` to the return of the kernel's function `function`.
    pub fn attach_function_exit(&mut self, btf: &Btf, program: &'static str, function: &str) -> Result<()> {
        let btf = btf.for_loading()?;
        let exit = self.loaded(program, |loaded: &mut FExit| loaded.load(function, btf))?;
        exit.attach().with_context(|| format!("cannot attach to the return of function `{function}`"))?;
        Ok(())
    }

    /// Attaches `program` to the sockets of `cgroup` and those below it, beside the programs that are there.
    pub fn attach_sockets(&mut self, program: &'static str, cgroup: BorrowedFd<'_>) -> Result<()> {
        let sockets = self.loaded(program, |sockets: &mut SockOps| sockets.load())?;
        // A link is one of many, whatever its mode says.
        let attached = sockets.attach(cgroup, CgroupAttachMode::Single);
        attached.with_context(|| format!("cannot attach `{program}` to the sockets of all cgroups"))?;
        Ok(())
    }

    /// Loads the task iterator `program`.
    pub fn task_iterator(&mut self, btf: &Btf, program: &'static str) -> Result<bpf::Iterator> {
        let btf = btf.for_loading()?;
        let iterator = self.loaded(program, |loaded: &mut Iter| loaded.load("task", btf))?;
        bpf::Iterator::new(iterator.fd()?.as_fd())
            .with_context(|| format!("cannot make iterator `{program}`"))
    }

    /// Runs the raw tracepoint program `program` once, without its hook; loads it the first time.
    pub fn test_run(&mut self, program: &'static str) -> Result<u32> {
        let tracepoint: &mut RawTracePoint = self.program(program)?;
        if tracepoint.fd().is_err() {
            tracepoint.load().map_err(|error| refused(program, error))?;
        }
        bpf::test_run(tracepoint.fd()?.as_fd()).with_context(|| format!("cannot run program `{program}`"))
    }

    /// The program `program`, loaded.
    fn loaded<'a, P>(
        &'a mut self,
        program: &str,
        load: impl FnOnce(&mut P) -> Result<(), ProgramError>,
    ) -> Result<&'a mut P>
    where
        &'a mut P: TryFrom<&'a mut Program, Error = ProgramError>,
    {
        let loaded = self.program(program)?;
        load(loaded).map_err(|error| refused(program, error))?;
        Ok(loaded)
    }

    fn program<'a, P>(&'a mut self, program: &str) -> Result<&'a mut P>
    where
        &'a mut P: TryFrom<&'a mut Program, Error = ProgramError>,
    {
        let found = self.ebpf.program_mut(program).ok_or_else(|| anyhow!("no program `{program}`"))?;
        Ok(found.try_into()?)
    }

    /// What the kernel knows about a program.
    pub fn program_info(&self, program: &str) -> Option<bpf::ProgramInfo> {
        bpf::program_info(self.ebpf.program(program)?.fd().ok()?.as_fd().as_fd()).ok()
    }

    /// The file descriptor of a map.
    pub fn map(&self, name: &str) -> Result<BorrowedFd<'_>> {
        Ok(self.data(name)?.fd().as_fd())
    }

    /// Maps an array into memory.
    pub fn mapped<T: Plain>(&self, name: &str) -> Result<Mapped<T>> {
        let data = self.data(name)?;
        let entries = data.info()?.max_entries();
        Mapped::new(data.fd().as_fd(), entries)
            .with_context(|| format!("cannot map array `{name}` into memory"))
    }

    /// Name and size in bytes of every map, as far as it can be known: the kernel rounds and adds heads.
    pub fn map_bytes(&self) -> &[(String, u64)] {
        &self.map_bytes
    }

    fn data(&self, name: &str) -> Result<&MapData> {
        let map = self.ebpf.map(name).ok_or_else(|| anyhow!("no map `{name}`"))?;
        match data(map) {
            Some(data) => Ok(data),
            None => bail!("map `{name}` has an unexpected type"),
        }
    }
}

fn data(map: &Map) -> Option<&MapData> {
    match map {
        Map::Array(data)
        | Map::HashMap(data)
        | Map::LruHashMap(data)
        | Map::Queue(data)
        | Map::RingBuf(data) => Some(data),
        _ => None,
    }
}

fn map_bytes(ebpf: &Ebpf) -> Vec<(String, u64)> {
    let mut all: Vec<_> = ebpf
        .maps()
        .filter_map(|(name, map)| {
            let info = data(map)?.info().ok()?;
            let value = u64::from(info.value_size().next_multiple_of(8));
            let element = match map {
                Map::HashMap(_) | Map::LruHashMap(_) => {
                    HASH_HEAD as u64 + u64::from(info.key_size().next_multiple_of(8)) + value
                }
                Map::RingBuf(_) => 1, // its entries are bytes
                _ => value,
            };
            Some((name.to_owned(), element * u64::from(info.max_entries())))
        })
        .collect();
    all.sort();
    all
}

/// What the kernel says of a program that it refuses: the error, and the last lines of its verifier's log, which may have
/// thousands.
fn refused(program: &str, error: ProgramError) -> anyhow::Error {
    const LINES: usize = 4;
    let what = format!("the kernel refuses program `{program}`");
    let ProgramError::LoadError { io_error, verifier_log } = error else {
        return anyhow::Error::new(error).context(what);
    };
    let log = verifier_log.to_string();
    // The very last line counts instructions.
    let lines: Vec<_> =
        log.lines().filter(|line| !line.is_empty() && !line.starts_with("processed ")).collect();
    let last = lines[lines.len().saturating_sub(LINES)..].join(" / ");
    let said = if last.is_empty() { what } else { format!("{what}, whose verifier ends with `{last}`") };
    anyhow::Error::new(io_error).context(said)
}
