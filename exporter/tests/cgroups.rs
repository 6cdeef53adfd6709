//! The cgroup hook family and the table of cgroups against the running kernel. Needs root.

use std::{
    ffi::OsStr,
    fs, io,
    os::unix::{ffi::OsStrExt as _, fs::MetadataExt as _},
    path::{Path, PathBuf},
    process,
    sync::{Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use exporter_common::cgroup::CgroupEventKind::{self, Born, Removed, Renamed};
use kernel_exporter::{
    entities::cgroups::Cgroups,
    hooks::cgroup::{Cgroup, RING_BYTES},
    kernel::{
        btf::Btf,
        host::{Hierarchy, lift_memlock_limit},
    },
};

/// A cgroup of our own in which a test makes its cgroups. Dropping it removes all of them.
struct Nest {
    hierarchy: Hierarchy,
    mount: PathBuf,
    /// From the hierarchy's root, without a leading slash.
    name: String,
    /// Tests count threads and events, so there is one at a time.
    _alone: MutexGuard<'static, ()>,
}

impl Nest {
    /// `None` where the test can't be run.
    fn new() -> Result<Option<Self>> {
        static ALONE: Mutex<()> = Mutex::new(());
        let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        // SAFETY: no preconditions.
        if unsafe { libc::geteuid() } != 0 {
            return Ok(skipped("not root"));
        }
        let hierarchy = Hierarchy::of_this_host()?;
        let Some(mount) = hierarchy.mount.clone() else {
            return Ok(skipped("no cgroup hierarchy is mounted"));
        };
        // Only old kernels need it; where it isn't allowed, loading says what is missing.
        let _ = lift_memlock_limit();
        let name = format!("kernel-exporter-test-{}", process::id());
        match fs::create_dir(mount.join(&name)) {
            Err(error) if error.kind() == io::ErrorKind::ReadOnlyFilesystem => {
                return Ok(skipped("cgroups are mounted read-only"));
            }
            result => result.with_context(|| format!("cannot make cgroup {name}"))?,
        }
        Ok(Some(Self { hierarchy, mount, name, _alone: alone }))
    }

    fn attach(&self, ring_bytes: u32) -> Result<Cgroup> {
        Cgroup::attach(&Btf::of_running_kernel()?, &self.hierarchy, ring_bytes)
    }

    /// With a ring buffer for ten thousand events: emulated machines stop threads for seconds.
    fn start(&self) -> Result<Cgroups> {
        Ok(Cgroups::start(Some(self.attach(1 << 20)?), &self.hierarchy))
    }

    fn dir(&self, path: impl AsRef<Path>) -> PathBuf {
        self.mount.join(&self.name).join(path)
    }

    /// The path as it is to be shown.
    fn shown(&self, path: &str) -> String {
        format!("/{}/{path}", self.name)
    }

    /// Makes a cgroup and tells its id.
    fn make(&self, path: impl AsRef<Path>) -> Result<u64> {
        let dir = self.dir(path);
        fs::create_dir(&dir).with_context(|| format!("cannot make {}", dir.display()))?;
        Ok(fs::metadata(dir)?.ino())
    }

    fn remove(&self, path: impl AsRef<Path>) -> Result<()> {
        let dir = self.dir(path);
        fs::remove_dir(&dir).with_context(|| format!("cannot remove {}", dir.display()))
    }
}

impl Drop for Nest {
    fn drop(&mut self) {
        remove_all(&self.dir(""));
    }
}

/// Removes directories only, for a cgroup's files go with it.
fn remove_all(dir: &Path) {
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            remove_all(&entry.path());
        }
    }
    if let Err(error) = fs::remove_dir(dir) {
        eprintln!("left behind: {}: {error}", dir.display());
    }
}

fn skipped<T>(reason: &str) -> Option<T> {
    eprintln!("SKIPPED: {reason}");
    None
}

/// Waits until another walk is allowed.
fn until_the_next_walk() {
    thread::sleep(Duration::from_millis(1100));
}

#[test]
fn events_arrive_in_order_with_whole_paths() -> Result<()> {
    let Some(nest) = Nest::new()? else { return Ok(()) };
    let mut hook = nest.attach(RING_BYTES)?;
    let outer = nest.make("a")?;
    let inner = nest.make("a/b")?;
    let mut expected = vec![(Born, outer, nest.shown("a")), (Born, inner, nest.shown("a/b"))];
    let renames = nest.hierarchy.id != 0;
    let (a, b) = if renames {
        fs::rename(nest.dir("a"), nest.dir("c"))?;
        expected.push((Renamed, outer, nest.shown("c")));
        ("c", "c/b")
    } else {
        ("a", "a/b")
    };
    nest.remove(b)?;
    nest.remove(a)?;
    expected.extend([(Removed, inner, nest.shown(b)), (Removed, outer, nest.shown(a))]);

    let events = hook.drain();
    let ours: Vec<(CgroupEventKind, u64, String)> = events
        .iter()
        .filter(|event| [outer, inner].contains(&event.id))
        .map(|event| (event.kind, event.id, String::from_utf8_lossy(event.path.unwrap_or(b"cut")).into()))
        .collect();
    assert_eq!(ours, expected);
    assert_eq!(events.lost, 0);
    assert_eq!(hook.drain().iter().filter(|event| event.id == outer).count(), 0, "events come once");
    let runs = hook.totals().programs.map(|program| program.runs);
    let least = [2, u64::from(renames), 2];
    assert!(runs.iter().zip(least).all(|(runs, least)| *runs >= least), "{runs:?}");
    assert!(hook.map_bytes().contains(&("EVENTS".to_owned(), RING_BYTES.into())), "{:?}", hook.map_bytes());
    Ok(())
}

#[test]
fn other_hierarchies_are_not_heard() -> Result<()> {
    let Some(nest) = Nest::new()? else { return Ok(()) };
    let elsewhere = Path::new("/sys/fs/cgroup/freezer");
    if nest.hierarchy.id == 0 || !elsewhere.exists() {
        println!("elsewhere: there is only one cgroup hierarchy here");
        return Ok(());
    }
    let mut hook = nest.attach(RING_BYTES)?;
    let dir = elsewhere.join(&nest.name);
    fs::create_dir(&dir)?;
    fs::remove_dir(&dir)?;
    let path = format!("/{}", nest.name);
    assert_eq!(hook.drain().iter().filter(|event| event.path == Some(path.as_bytes())).count(), 0);
    assert!(hook.totals().programs[0].runs >= 1, "the program saw it");
    Ok(())
}

#[test]
fn what_a_full_ring_buffer_drops_is_counted_and_made_up_for() -> Result<()> {
    const MADE: u64 = 200;
    let Some(nest) = Nest::new()? else { return Ok(()) };
    let mut hook = nest.attach(4096)?;
    let ids = (0..MADE).map(|n| nest.make(n.to_string())).collect::<Result<Vec<_>>>()?;
    let events = hook.drain();
    let ours = events.iter().filter(|event| ids.contains(&event.id)).count() as u64;
    assert!(0 < ours && ours < MADE && ours + events.lost >= MADE, "{ours} came, {} lost", events.lost);
    assert_eq!(hook.totals().failures.dropped, events.lost);

    let mut cgroups = Cgroups::start(Some(hook), &nest.hierarchy);
    for (n, id) in ids.iter().enumerate() {
        assert_eq!(*cgroups.path(*id), nest.shown(&n.to_string()));
    }
    assert_eq!(cgroups.stats().lost_events, events.lost);
    Ok(())
}

/// A burst between two reads, twice as much as the ring buffer holds. Everybody who comes and goes is met, named and gone, and the table is as
/// large as before.
#[test]
fn ten_thousand_come_and_go_and_none_is_missed() -> Result<()> {
    const MADE: u64 = 10_000;
    let Some(nest) = Nest::new()? else { return Ok(()) };
    let old = nest.make("old")?;
    let mut cgroups = nest.start()?;
    assert_eq!(*cgroups.path(old), nest.shown("old"), "older than the hook");
    let before = cgroups.stats();

    let start = Instant::now();
    let mut ids = Vec::new();
    for number in 0..MADE {
        let name = format!("a-name-about-as-long-as-that-of-a-container-{number}");
        ids.push(nest.make(&name)?);
        nest.remove(&name)?;
    }
    let took = start.elapsed();
    let start = Instant::now();
    cgroups.refresh();
    println!(
        "{MADE} cgroups made and removed in {took:?}, {} events read in {:?}",
        2 * MADE,
        start.elapsed()
    );

    let after = cgroups.stats();
    assert_eq!(after.lost_events, 0, "{:?}", cgroups.hook().map(Cgroup::totals));
    assert!(after.born >= before.born + MADE && after.removed >= before.removed + MADE, "{after:?}");
    for (number, id) in ids.iter().enumerate() {
        assert!(cgroups.is_gone(*id));
        let name = format!("a-name-about-as-long-as-that-of-a-container-{number}");
        assert_eq!(*cgroups.path(*id), nest.shown(&name));
    }
    for _ in 0..10 {
        cgroups.refresh();
        cgroups.path(ids[0]);
    }
    assert!(cgroups.is_gone(ids[0]), "somebody still asks for it");
    assert!(!cgroups.is_gone(ids[1]) && !cgroups.is_gone(old));
    for _ in 0..10 {
        cgroups.refresh();
    }
    assert!(!cgroups.is_gone(ids[0]), "forgotten");
    let as_many_as_there_are = || {
        let there = Cgroups::start(None, &nest.hierarchy).len();
        cgroups.refresh();
        cgroups.len() == there
    };
    assert!(becomes_true(as_many_as_there_are), "{:?}", cgroups.stats());
    Ok(())
}

#[test]
fn bad_names_are_shown_safely() -> Result<()> {
    let Some(nest) = Nest::new()? else { return Ok(()) };
    let mut cgroups = nest.start()?;
    let long = "x".repeat(255);
    let names: [(&[u8], &str); 5] = [
        (b"quo\"te\\{}", "quo\"te\\{}"),
        (b"\xff\xfe", "\\xff\\xfe"),
        ("über\u{202e}".as_bytes(), "über\u{202e}"),
        (b" ", " "),
        (long.as_bytes(), &long),
    ];
    for (name, shown) in names {
        let name = OsStr::from_bytes(name);
        let id = nest.make(name)?;
        cgroups.refresh();
        assert_eq!(*cgroups.path(id), nest.shown(shown));
        let mut walked = Cgroups::start(None, &nest.hierarchy);
        assert_eq!(*walked.path(id), nest.shown(shown), "the same by events and by a walk");
        nest.remove(name)?;
    }
    assert!(fs::create_dir(nest.dir("line\nbreak")).is_err(), "the kernel refuses these");
    Ok(())
}

#[test]
fn paths_that_the_kernel_cuts_off_come_from_a_walk() -> Result<()> {
    let Some(nest) = Nest::new()? else { return Ok(()) };
    let mut cgroups = nest.start()?;
    let mut path = "deep".to_owned();
    nest.make(&path)?;
    for level in 0..5 {
        path = format!("{path}/{}", level.to_string().repeat(255));
        nest.make(&path)?;
    }
    let id = fs::metadata(nest.dir(&path))?.ino();
    cgroups.refresh();
    assert_eq!(*cgroups.path(id), format!("id:{id}"), "a walk was just now");
    until_the_next_walk();
    assert_eq!(*cgroups.path(id), nest.shown(&path));
    assert_eq!(cgroups.stats().lost_events, 0);
    Ok(())
}

#[test]
fn a_rename_changes_the_paths_below() -> Result<()> {
    let Some(nest) = Nest::new()? else { return Ok(()) };
    if nest.hierarchy.id == 0 {
        println!("elsewhere: cgroup v2 has no renames");
        return Ok(());
    }
    let outer = nest.make("before")?;
    let inner = nest.make("before/inner")?;
    let mut cgroups = nest.start()?;
    assert_eq!(*cgroups.path(inner), nest.shown("before/inner"));
    until_the_next_walk();
    fs::rename(nest.dir("before"), nest.dir("after"))?;
    cgroups.refresh();
    assert_eq!(*cgroups.path(outer), nest.shown("after"));
    assert_eq!(*cgroups.path(inner), nest.shown("after/inner"));
    assert!(cgroups.stats().renamed >= 1);
    Ok(())
}

#[test]
fn a_walk_through_five_thousand_is_quick() -> Result<()> {
    const PODS: u64 = 500;
    const CONTAINERS: u64 = 9;
    let Some(nest) = Nest::new()? else { return Ok(()) };
    let start = Instant::now();
    for pod in 0..PODS {
        nest.make(format!("pod{pod}"))?;
        for container in 0..CONTAINERS {
            nest.make(format!("pod{pod}/container{container}"))?;
        }
    }
    let making = start.elapsed();
    let walk = || {
        let start = Instant::now();
        let cgroups = Cgroups::start(None, &nest.hierarchy);
        (start.elapsed(), cgroups.len() as u64)
    };
    let (took, met) = (0..5).map(|_| walk()).min().context("five walks")?;
    println!("{met} cgroups walked through in {took:?}, made in {making:?}");
    assert!(met > PODS * (1 + CONTAINERS), "{met}");
    // In time that depends on the machine: reading them all costs a fraction of having made them.
    assert!(took < making, "{took:?}, made in {making:?}");
    Ok(())
}

#[test]
fn the_thread_ends_with_the_table() -> Result<()> {
    let Some(nest) = Nest::new()? else { return Ok(()) };
    let cgroups = nest.start()?;
    assert!(becomes_true(|| listeners() == 1), "{} threads", listeners());
    drop(cgroups);
    assert!(becomes_true(|| listeners() == 0), "{} threads", listeners());
    Ok(())
}

/// Threads of this process that receive cgroup events.
fn listeners() -> usize {
    let tasks = fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let names = tasks.filter_map(|task| fs::read_to_string(task.path().join("comm")).ok());
    names.filter(|name| name.trim() == "cgroup-events").count()
}

/// Asks for five seconds: threads name themselves, others make cgroups while we count them.
fn becomes_true(mut condition: impl FnMut() -> bool) -> bool {
    (0..50).any(|_| {
        condition() || {
            thread::sleep(Duration::from_millis(100));
            false
        }
    })
}
