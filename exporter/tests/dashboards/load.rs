//! A bit of everything that the exporter measures: pods, a container and a unit that keep one CPU, disks and connections
//! busy, make processes and run out of memory.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream, UdpSocket},
    path::PathBuf,
    process::{Command, Stdio},
    ptr, thread,
    time::Duration,
};

use crate::{api::Api, disk::Disk, forms::Subject, harness::*, nest::Nest};

/// Two pods, a container of Docker's, a unit.
const SUBJECTS: [u64; 4] = [4, 5, 7, 11];

/// What a cgroup may have of memory, and what is asked for in it.
const LIMIT: usize = 16 << 20;
const TOO_MUCH: usize = 64 << 20;

/// The load; it ends when it is dropped.
pub(crate) struct Load {
    // In this order: cgroups must be empty to be removed, and nests come last.
    _workers: Vec<Worker>,
    _cgroups: Vec<Cgroup>,
    _nest: Nest,
    _disks: [Disk; 2],
}

impl Load {
    /// Tells the API server of the pods, and begins.
    pub(crate) fn begin(api: &Api) -> Self {
        let disks = [(); 2].map(|()| Disk::loop_device(32 << 20).expect("loop devices"));
        let [good, bad] = &disks;
        fs::write(good.sysfs("queue/scheduler"), "mq-deadline").expect("the scheduler mq-deadline");
        bad.refuse_writes().expect("a memfd can be sealed");
        let server = echo();
        let mut nest = Nest::default();
        let (mut cgroups, mut workers) = (Vec::new(), Vec::new());
        for subject in SUBJECTS.map(Subject::new) {
            if subject.is_in_pod() {
                api.cluster.apply(&subject.pod());
            }
            let cgroup = nest.make(&subject.path);
            limit_memory(&cgroup);
            let mut worker = Worker::spawn(
                "load",
                &cgroup,
                || pin(last_cpu()),
                |_| {
                    // Until the worker is killed.
                    for round in 0_u64.. {
                        work(round, good, bad, server);
                    }
                },
            );
            worker.start();
            cgroups.push(cgroup);
            workers.push(worker);
        }
        Self { _workers: workers, _cgroups: cgroups, _nest: nest, _disks: disks }
    }
}

fn work(round: u64, good: &Disk, bad: &Disk, server: SocketAddr) {
    busy(Duration::from_millis(5));
    thread::sleep(Duration::from_millis(2));
    // Failures are part of it.
    let _ = good.direct(true, round % 64, 4, 0);
    let _ = good.direct(false, round % 64, 1, 0);
    let _ = bad.direct(true, 0, 1, 0);
    converse(server);
    if round.is_multiple_of(10) {
        let _ = Command::new("true").stdin(Stdio::null()).status();
    }
    if round.is_multiple_of(50) {
        full_queue();
        fill_page_cache();
        run_out_of_memory();
    }
}

/// One exchange by TCP, one packet for nobody, and one connection that is refused.
fn converse(server: SocketAddr) {
    if let Ok(mut stream) = TcpStream::connect(server) {
        let mut answer = [0; 1024];
        let _ = stream.write_all(&answer).and_then(|()| stream.read_exact(&mut answer));
    }
    if let Ok(socket) = UdpSocket::bind("127.0.0.1:0") {
        let _ = socket.send_to(&[0; 16], "127.0.0.1:9");
    }
    let _ = TcpStream::connect("127.0.0.1:9");
}

/// Connects more often than a listener that accepts nobody has room for.
fn full_queue() {
    let Ok(socket) = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None) else { return };
    let any: SocketAddr = ([127, 0, 0, 1], 0).into();
    if socket.bind(&any.into()).and_then(|()| socket.listen(0)).is_err() {
        return;
    }
    let Some(address) = socket.local_addr().ok().and_then(|address| address.as_socket()) else { return };
    // The kernel sends a first packet again after a second.
    let _connections =
        [50, 50, 1_200].map(|patience| TcpStream::connect_timeout(&address, Duration::from_millis(patience)));
}

/// A server of another cgroup's: the test's.
fn echo() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("bound");
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut bytes = [0; 1024];
            let _ = stream.read_exact(&mut bytes).and_then(|()| stream.write_all(&bytes));
        }
    });
    address
}

fn limit_memory(cgroup: &Cgroup) {
    let file = |name: &str| -> PathBuf { mount().join(&cgroup.path[1..]).join(name) };
    let files = [file("memory.limit_in_bytes"), file("memory.max")];
    let is_limited = files.iter().any(|file| fs::write(file, LIMIT.to_string()).is_ok());
    assert!(is_limited, "the memory of {} cannot be limited", cgroup.path);
}

/// Writes a file that is larger than the limit, so that room must be made.
fn fill_page_cache() {
    let path = std::env::temp_dir().join(format!("kernel-exporter-load-{}", std::process::id()));
    let _ = fs::write(&path, vec![1_u8; LIMIT / 2]).and_then(|()| fs::write(&path, vec![2_u8; LIMIT / 2]));
    let _ = fs::remove_file(&path);
}

/// A child is killed, as it asks for more than the limit.
fn run_out_of_memory() {
    let child = fork(|| {
        die_with_parent().expect("a valid call");
        fs::write("/proc/self/oom_score_adj", "1000").expect("a process may offer itself");
        let memory = vec![1_u8; TOO_MUCH];
        std::hint::black_box(&memory);
    });
    // SAFETY: this process' own child; no status is asked for.
    unsafe { libc::waitpid(child, ptr::null_mut(), 0) };
}
