//! Delays and losses on loopback, where the kernel has `netem`.

use std::{io, os::fd::AsRawFd as _, os::fd::FromRawFd as _, os::fd::OwnedFd, time::Duration};

/// A netlink message's head, and that of a queueing discipline, of the loopback device's root.
#[repr(C)]
struct Request {
    length: u32,
    kind: u16,
    flags: u16,
    sequence: u32,
    port: u32,
    family: u32,
    device: i32,
    handle: u32,
    parent: u32,
    info: u32,
    name: Attribute<[u8; 8]>,
    options: Attribute<Netem>,
}

#[repr(C)]
struct Attribute<T> {
    length: u16,
    kind: u16,
    value: T,
}

/// `struct tc_netem_qopt` (include/uapi/linux/pkt_sched.h).
#[repr(C)]
struct Netem {
    latency: u32,
    limit: u32,
    loss: u32,
    gap: u32,
    duplicate: u32,
    jitter: u32,
}

/// Delays every packet, and loses a part of them; `false` where the kernel has no `netem`.
pub(crate) fn shape_loopback(delay: Duration, loss: f64) -> bool {
    const TCA_KIND: u16 = 1;
    const TCA_OPTIONS: u16 = 2;
    /// `TC_H_ROOT`
    const ROOT: u32 = u32::MAX;
    /// A tick of packet schedulers, as a power of two of a nanosecond (`PSCHED_SHIFT`).
    const TICK: u32 = 6;
    let netem = Netem {
        latency: (delay.as_nanos() >> TICK) as u32,
        limit: 100_000,
        loss: (loss * f64::from(u32::MAX)) as u32,
        gap: 0,
        duplicate: 0,
        jitter: 0,
    };
    let request = Request {
        length: size_of::<Request>() as u32,
        kind: libc::RTM_NEWQDISC,
        flags: (libc::NLM_F_REQUEST | libc::NLM_F_ACK | libc::NLM_F_CREATE | libc::NLM_F_REPLACE) as u16,
        sequence: 1,
        port: 0,
        family: 0,
        device: 1, // the first of every network namespace
        handle: 0,
        parent: ROOT,
        info: 0,
        name: Attribute { length: 4 + 6, kind: TCA_KIND, value: *b"netem\0\0\0" },
        options: Attribute { length: 4 + size_of::<Netem>() as u16, kind: TCA_OPTIONS, value: netem },
    };
    let mut answer = [0i32; 256];
    // SAFETY: buffers with their lengths; the request is all integers, without padding.
    unsafe {
        let socket = libc::socket(libc::AF_NETLINK, libc::SOCK_RAW | libc::SOCK_CLOEXEC, libc::NETLINK_ROUTE);
        assert!(socket >= 0, "{}", io::Error::last_os_error());
        let socket = OwnedFd::from_raw_fd(socket);
        let sent = libc::send(socket.as_raw_fd(), (&raw const request).cast(), size_of::<Request>(), 0);
        assert_eq!(sent, size_of::<Request>() as isize, "{}", io::Error::last_os_error());
        let length = libc::recv(socket.as_raw_fd(), answer.as_mut_ptr().cast(), size_of_val(&answer), 0);
        assert!(length >= 20, "{}", io::Error::last_os_error());
    }
    // The error follows the answer's head.
    match -answer[4] {
        0 => true,
        libc::ENOENT | libc::EOPNOTSUPP => false,
        errno => panic!("cannot shape loopback: {}", io::Error::from_raw_os_error(errno)),
    }
}
