//! A worker with a network namespace of its own, and what the kernel counts there.

use std::{
    collections::BTreeMap,
    fs, io,
    mem::size_of_val,
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    os::fd::{AsRawFd, FromRawFd as _, OwnedFd},
    ptr,
    time::Duration,
};

use socket2::{Domain, Socket, Type};

use crate::harness::*;

/// Takes this process into a network of its own, in which there is loopback.
pub(crate) fn enter_own_network() {
    // SAFETY: calls with valid arguments.
    unsafe {
        assert_eq!(libc::unshare(libc::CLONE_NEWNET), 0, "no network: {}", io::Error::last_os_error());
        let socket = OwnedFd::from_raw_fd(libc::socket(libc::AF_INET, libc::SOCK_DGRAM, 0));
        let mut request: libc::ifreq = std::mem::zeroed();
        request.ifr_name[..2].copy_from_slice(&[b'l', b'o'].map(|letter| letter as libc::c_char));
        request.ifr_ifru.ifru_flags = (libc::IFF_UP | libc::IFF_RUNNING) as libc::c_short;
        let result = libc::ioctl(socket.as_raw_fd(), libc::SIOCSIFFLAGS as _, &request);
        assert_eq!(result, 0, "no loopback: {}", io::Error::last_os_error());
    }
}

/// The kernel's counters of TCP in a network namespace, as `/proc/net/snmp` and `/proc/net/netstat` have them.
#[derive(Clone)]
pub(crate) struct Counters(BTreeMap<String, u64>);

impl Counters {
    /// Of this thread's network namespace.
    pub(crate) fn here() -> Self {
        Self::of("thread-self")
    }

    /// Of a task's.
    pub(crate) fn of(task: &str) -> Self {
        let mut all = BTreeMap::new();
        for (file, prefix) in [("snmp", "Tcp:"), ("netstat", "TcpExt:")] {
            let text = fs::read_to_string(format!("/proc/{task}/net/{file}")).expect("procfs");
            let lines: Vec<_> = text.lines().filter_map(|line| line.strip_prefix(prefix)).collect();
            let [names, values] = lines[..] else { panic!("{file}: {text}") };
            let values = values.split_whitespace().map(|value| value.parse().unwrap_or_default());
            all.extend(names.split_whitespace().map(str::to_owned).zip(values));
        }
        Self(all)
    }

    /// What has come since.
    pub(crate) fn since(&self, before: &Self, name: &str) -> u64 {
        self.0[name] - before.0[name]
    }
}

/// Makes this process part of another one's network.
pub(crate) fn enter_network_of(pid: u64) {
    let network = fs::File::open(format!("/proc/{pid}/ns/net")).expect("it is alive");
    // SAFETY: a system call without pointers.
    let result = unsafe { libc::setns(network.as_raw_fd(), libc::CLONE_NEWNET) };
    assert_eq!(result, 0, "no way into its network: {}", io::Error::last_os_error());
}

/// Names of counters that a worker leaves in its cells, from [`COUNTED`] on.
pub(crate) const NAMES: [&str; 8] = [
    "ActiveOpens",
    "PassiveOpens",
    "AttemptFails",
    "EstabResets",
    "RetransSegs",
    "OutRsts",
    "ListenOverflows",
    "ListenDrops",
];

/// The first cell with a counter's growth.
const COUNTED: usize = 4000;

/// Does `work`, and leaves in the worker's cells what the kernel has counted meanwhile.
pub(crate) fn counted(job: &Job, work: impl FnOnce()) {
    let before = Counters::here();
    work();
    wait_until_closed();
    let after = Counters::here();
    for (cell, name) in NAMES.iter().enumerate() {
        job.set(COUNTED + cell, after.since(&before, name));
    }
}

/// What [`counted`] has left.
pub(crate) fn kernel_count(worker: &Worker, name: &str) -> u64 {
    let cell = NAMES.iter().position(|found| *found == name).expect("a counter that is kept");
    worker.get(COUNTED + cell)
}

/// Waits until no socket is left of connections that were closed: the last packets may still be on their way.
pub(crate) fn wait_until_closed() {
    wait_for("all connections are closed", || {
        ["tcp", "tcp6"].iter().all(|file| {
            let text = fs::read_to_string(format!("/proc/thread-self/net/{file}")).unwrap_or_default();
            let mut states = text.lines().skip(1).filter_map(|line| line.split_whitespace().nth(3));
            states.all(|state| ["06", "0A"].contains(&state)) // TIME_WAIT, LISTEN
        })
    });
}

/// Both ends of a connection.
pub(crate) struct Pair {
    pub(crate) here: TcpStream,
    pub(crate) there: TcpStream,
}

/// A connection to a listener of this process.
pub(crate) fn connect(listener: &TcpListener) -> Pair {
    let here = TcpStream::connect(listener.local_addr().expect("bound")).expect("somebody listens");
    let (there, _) = listener.accept().expect("a connection has come");
    Pair { here, there }
}

/// A listener on loopback, of the same family as the address.
pub(crate) fn listen(address: &str) -> TcpListener {
    TcpListener::bind(address).expect("loopback is there")
}

/// A listener that accepts `backlog` connections and one more, if nobody takes them.
pub(crate) fn listen_for(backlog: i32) -> TcpListener {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    socket.bind(&address.into()).and_then(|()| socket.listen(backlog)).expect("loopback is there");
    socket.into()
}

/// A socket that was told to connect, and does not wait for that.
pub(crate) fn begin_to_connect(to: SocketAddr, prepare: impl FnOnce(&Socket)) -> Socket {
    let socket = Socket::new(Domain::for_address(to), Type::STREAM, None).expect("a socket");
    prepare(&socket);
    socket.set_nonblocking(true).expect("a socket");
    let error = socket.connect(&to.into()).expect_err("it cannot succeed at once");
    assert_eq!(error.raw_os_error(), Some(libc::EINPROGRESS), "{error}");
    socket
}

/// Waits for what becomes of it.
pub(crate) fn end_of_connect(socket: &Socket) -> i32 {
    let mut poll = libc::pollfd { fd: socket.as_raw_fd(), events: libc::POLLOUT, revents: 0 };
    // SAFETY: one valid structure.
    assert_eq!(unsafe { libc::poll(&mut poll, 1, 60_000) }, 1, "it ends in time");
    socket.take_error().expect("a socket").and_then(|error| error.raw_os_error()).unwrap_or(0)
}

/// Sets an option of TCP's.
pub(crate) fn set_option(socket: &impl AsRawFd, option: libc::c_int, value: libc::c_int) {
    // SAFETY: an integer with its length.
    let result = unsafe {
        let value_at = ptr::from_ref(&value).cast();
        libc::setsockopt(socket.as_raw_fd(), libc::IPPROTO_TCP, option, value_at, size_of_val(&value) as u32)
    };
    assert_eq!(result, 0, "{}", io::Error::last_os_error());
}

/// What the kernel tells of a socket.
pub(crate) fn info(socket: &impl AsRawFd) -> libc::tcp_info {
    // SAFETY: the structure is all integers; its length goes along.
    unsafe {
        let mut info: libc::tcp_info = std::mem::zeroed();
        let mut length = size_of_val(&info) as u32;
        let at = (&raw mut info).cast();
        let result = libc::getsockopt(socket.as_raw_fd(), libc::IPPROTO_TCP, libc::TCP_INFO, at, &mut length);
        assert_eq!(result, 0, "{}", io::Error::last_os_error());
        info
    }
}

/// Closes it by a reset.
pub(crate) fn reset(stream: TcpStream) {
    socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO)).expect("a socket");
}

/// Lets a socket drop every packet that comes, or none any more.
pub(crate) fn be_deaf(socket: &impl AsRawFd, deaf: bool) {
    let mut drop_all = libc::sock_filter { code: (libc::BPF_RET | libc::BPF_K) as u16, jt: 0, jf: 0, k: 0 };
    let program = libc::sock_fprog { len: 1, filter: &mut drop_all };
    let option = if deaf { libc::SO_ATTACH_FILTER } else { libc::SO_DETACH_FILTER };
    // SAFETY: a valid program with its length.
    let result = unsafe {
        let at = ptr::from_ref(&program).cast();
        libc::setsockopt(socket.as_raw_fd(), libc::SOL_SOCKET, option, at, size_of_val(&program) as u32)
    };
    assert_eq!(result, 0, "{}", io::Error::last_os_error());
}
