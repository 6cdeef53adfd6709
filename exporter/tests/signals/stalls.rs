//! What threads spend their time with: against their own clocks, and all parts together against the time that has passed.

use std::{
    fs, ptr, thread,
    time::{Duration, Instant},
};

use crate::{accuracy::within, harness::*};

const METRIC: &str = "kernel_thread_time_seconds_total";

/// The clocks of the kernel and of the test drift apart in emulated machines, and what is asleep wakes up late.
const LATE: Duration = Duration::from_millis(if cfg!(debug_assertions) { 100 } else { 60 });

/// Nanoseconds of a cgroup's threads in one activity, or in all of them.
fn time(between: &Between, cgroup: &Cgroup, activity: Option<&str>) -> u64 {
    let labels = [("cgroup", Some(cgroup.path.as_str())), ("activity", activity)];
    let labels: Vec<_> = labels.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
    between.nanoseconds(METRIC, &labels)
}

/// What an activity is called, and something that is one for so long.
type Way = (&'static str, fn(Duration));

/// With those that share its programs.
const CONFIG: &str =
    "collectors: {scheduler: {enabled: true}, process: {enabled: true}, stalls: {enabled: true}}\n";

/// Two scrapes with work in between, and the time that passed at least and at most between the two readings.
fn during<T>(exporter: &Exporter, work: impl FnOnce() -> T) -> (Between, [u64; 2], T) {
    let outer = Instant::now();
    let before = exporter.scrape();
    let inner = Instant::now();
    let result = work();
    let least = inner.elapsed().as_nanos() as u64;
    let after = exporter.scrape();
    let most = outer.elapsed().as_nanos() as u64;
    (Between { before, after }, [least, most], result)
}

/// All activities of so many threads make up the time that has passed, by 2 %.
#[track_caller]
fn add_up(between: &Between, cgroup: &Cgroup, threads: u64, [least, most]: [u64; 2]) {
    let all = time(between, cgroup, None);
    let range =
        threads * (least - least / 50 - least.min(2_000_000))..=threads * (most + most / 50 + 2_000_000);
    within(&format!("{METRIC} of {threads} thread(s), all activities"), "the test's clock", all, range);
}

fn nanosleep(time: Duration) {
    thread::sleep(time);
}

fn poll(time: Duration) {
    // SAFETY: no descriptors.
    unsafe { libc::poll(ptr::null_mut(), 0, time.as_millis() as i32) };
}

fn futex(time: Duration) {
    let word = 0u32;
    let timeout = libc::timespec { tv_sec: time.as_secs() as i64, tv_nsec: i64::from(time.subsec_nanos()) };
    // SAFETY: the word and the time live until the call returns; nobody changes the word.
    unsafe {
        libc::syscall(
            libc::SYS_futex,
            &raw const word,
            libc::FUTEX_WAIT | libc::FUTEX_PRIVATE_FLAG,
            0,
            &raw const timeout,
        )
    };
}

fn receive(time: Duration) {
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").expect("loopback");
    socket.set_read_timeout(Some(time)).expect("a valid time");
    socket.recv(&mut [0]).expect_err("nobody sends");
}

fn wait_for_child(time: Duration) {
    end_of(fork(|| nanosleep(time)));
}

/// One thread does one thing after the other; each is found under its name.
#[test]
fn each_way_to_sleep_has_its_name() {
    let Some(_turn) = turn() else { return };
    let exporter = Exporter::start(CONFIG);
    let cgroup = Cgroup::make("ways");
    let ways: [Way; 5] =
        [("timer", nanosleep), ("poll", poll), ("futex", futex), ("socket", receive), ("running", busy)];
    let mut worker = Worker::spawn(
        "truth-ways",
        &cgroup,
        || {},
        |job| {
            for (cell, (_, way)) in ways.iter().enumerate() {
                let begin = Instant::now();
                way(Duration::from_millis(200 + 50 * cell as u64));
                job.set(10 + cell, begin.elapsed().as_nanos() as u64);
            }
        },
    );
    let (between, wall, ()) = during(&exporter, || worker.work());
    add_up(&between, &cgroup, 1, wall);
    let waiting = time(&between, &cgroup, Some("run_queue"));
    for (cell, (activity, _)) in ways.iter().enumerate() {
        let own = worker.get(10 + cell);
        let asked = 1_000_000 * (200 + 50 * cell as u64);
        let counted = time(&between, &cgroup, Some(activity));
        // What the clock says has the wait for a CPU in it.
        let late = LATE.as_nanos() as u64;
        let range = asked.saturating_sub(waiting + asked / 50)..=own + own / 50 + late;
        within(&format!("{METRIC}{{activity=\"{activity}\"}}"), "the thread's clock", counted, range);
    }
}

/// Processes wait for their children; the children's time is of the same cgroup.
#[test]
fn who_waits_for_a_child_is_told() {
    let Some(_turn) = turn() else { return };
    let exporter = Exporter::start(CONFIG);
    let cgroup = Cgroup::make("parent");
    let mut worker =
        Worker::spawn("truth-parent", &cgroup, || {}, |_| wait_for_child(Duration::from_millis(400)));
    let (between, ..) = during(&exporter, || worker.work());
    let waited = time(&between, &cgroup, Some("child"));
    let slept = time(&between, &cgroup, Some("timer"));
    within("activity=\"timer\" of a child", "what it asked for", slept, 392_000_000..=700_000_000);
    within("activity=\"child\" of its parent", "what the child asked for", waited, 392_000_000..=700_000_000);
}

/// What has not ended is counted: one sleeps and one spins, without a switch, while the exporter is read.
#[test]
fn what_goes_on_is_counted() {
    let Some(_turn) = turn() else { return };
    let exporter = Exporter::start(CONFIG);
    let (sleeper, spinner) = (Cgroup::make("sleeper"), Cgroup::make("spinner"));
    let long = Duration::from_secs(4);
    let mut asleep = Worker::spawn("truth-asleep", &sleeper, || {}, |_| nanosleep(long));
    let mut spinning = Worker::spawn(
        "truth-spin",
        &spinner,
        || {
            pin(last_cpu());
            run_first();
        },
        |_| busy(long),
    );
    asleep.start();
    spinning.start();
    thread::sleep(Duration::from_millis(300));
    let (between, wall, ()) = during(&exporter, || thread::sleep(Duration::from_secs(2)));
    add_up(&between, &sleeper, 1, wall);
    let [least, most] = wall;
    let range = least - least / 50 - 5_000_000..=most + most / 50 + 5_000_000;
    within(
        "activity=\"timer\", not ended",
        "the test's clock",
        time(&between, &sleeper, Some("timer")),
        range.clone(),
    );
    // The kernel lets others run for a twentieth of each second, unless it is told not to.
    let running = time(&between, &spinner, Some("running"));
    within("activity=\"running\", not ended", "the test's clock", running, least - least / 10..=*range.end());
    asleep.finish();
    spinning.finish();
}

/// Two that want the same CPU run one half of the time each, and wait for the other half; the kernel's own sums tell both.
#[test]
fn who_waits_for_a_cpu_is_told() {
    let Some(_turn) = turn() else { return };
    let exporter = Exporter::start(CONFIG);
    let cgroup = Cgroup::make("rivals");
    let job =
        || Worker::spawn("truth-rival", &cgroup, || pin(last_cpu()), |_| busy(Duration::from_millis(800)));
    let mut rivals = [job(), job()];
    let counts =
        |rivals: &[Worker; 2]| rivals.iter().map(|rival| Counts::of_process(rival.pid)).collect::<Vec<_>>();
    let before = counts(&rivals);
    let (between, wall, ()) = during(&exporter, || {
        rivals.iter_mut().for_each(Worker::start);
        rivals.iter_mut().for_each(Worker::finish);
    });
    let after = counts(&rivals);
    let grown =
        |part: fn(&Counts) -> u64| after.iter().map(part).sum::<u64>() - before.iter().map(part).sum::<u64>();
    add_up(&between, &cgroup, 2, wall);
    let (cpu, waited) = (grown(|counts| counts.cpu_ns), grown(|counts| counts.run_queue_ns));
    let near = |truth: u64| truth - truth / 20 - truth.min(10_000_000)..=truth + truth / 20 + 10_000_000;
    within(
        "activity=\"running\"",
        "/proc/PID/schedstat",
        time(&between, &cgroup, Some("running")),
        near(cpu),
    );
    within(
        "activity=\"run_queue\"",
        "/proc/PID/schedstat",
        time(&between, &cgroup, Some("run_queue")),
        near(waited),
    );
}

/// A thread that lives for a moment leaves all of its life.
#[test]
fn the_short_lived_are_counted_whole() {
    let Some(_turn) = turn() else { return };
    let exporter = Exporter::start(CONFIG);
    let cgroup = Cgroup::make("brief");
    let mut worker = Worker::spawn(
        "truth-brief",
        &cgroup,
        || {},
        |job| {
            let begin = Instant::now();
            for _ in 0..20 {
                end_of(fork(|| nanosleep(Duration::from_millis(20))));
            }
            job.set(10, begin.elapsed().as_nanos() as u64);
        },
    );
    let (between, ..) = during(&exporter, || worker.work());
    let own = worker.get(10);
    within(
        "activity=\"timer\" of 20 children",
        "what they asked for",
        time(&between, &cgroup, Some("timer")),
        392_000_000..=own,
    );
}

/// A disk whose every request takes 20 ms.
#[test]
fn who_waits_for_a_disk_is_told() {
    const READS: u64 = 10;
    let Some(_turn) = turn() else { return };
    if !fs::exists("/dev/nullb0").unwrap_or(false) {
        assert!(!in_vm(), "there is no /dev/nullb0");
        return; // its latency would not be known
    }
    let exporter = Exporter::start(CONFIG);
    let cgroup = Cgroup::make("reader");
    let mut worker = Worker::spawn(
        "truth-reader",
        &cgroup,
        || {},
        |_| {
            use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
            #[repr(align(4096))]
            struct Page([u8; 4096]);
            let disk = fs::File::options()
                .read(true)
                .custom_flags(libc::O_DIRECT)
                .open("/dev/nullb0")
                .expect("a disk");
            let mut page = Box::new(Page([0; 4096]));
            for number in 0..READS {
                disk.read_exact_at(&mut page.0, number * 4096).expect("it can be read");
            }
        },
    );
    let (between, wall, ()) = during(&exporter, || worker.work());
    add_up(&between, &cgroup, 1, wall);
    let blocked = time(&between, &cgroup, Some("block_io"));
    within("activity=\"block_io\"", "20 ms for each of 10 reads", blocked, 195_000_000..=wall[1]);
}
