//! What who sleeps in a system call waits for, by the call's number. Numbers are an architecture's, and never change.

use exporter_common::stalls::{Activity, SYSCALLS, SyscallActivities};

const FUTEX: &[libc::c_long] = &[libc::SYS_futex, FUTEX_WAITV, FUTEX_WAIT];

/// `futex_waitv` (Linux 5.16) and `futex_wait` (6.7) have the same numbers on all architectures.
const FUTEX_WAITV: libc::c_long = 449;
const FUTEX_WAIT: libc::c_long = 455;

const POLL: &[libc::c_long] = &[
    libc::SYS_ppoll,
    libc::SYS_pselect6,
    libc::SYS_epoll_pwait,
    libc::SYS_epoll_pwait2,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_poll,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_select,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_epoll_wait,
];

const TIMER: &[libc::c_long] = &[libc::SYS_nanosleep, libc::SYS_clock_nanosleep];

const CHILD: &[libc::c_long] = &[
    libc::SYS_wait4,
    libc::SYS_waitid,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_vfork,
];

const SOCKET: &[libc::c_long] = &[
    libc::SYS_accept,
    libc::SYS_accept4,
    libc::SYS_connect,
    libc::SYS_recvfrom,
    libc::SYS_recvmsg,
    libc::SYS_recvmmsg,
    libc::SYS_sendto,
    libc::SYS_sendmsg,
    libc::SYS_sendmmsg,
];

const FILE: &[libc::c_long] = &[
    libc::SYS_read,
    libc::SYS_readv,
    libc::SYS_pread64,
    libc::SYS_preadv,
    libc::SYS_preadv2,
    libc::SYS_write,
    libc::SYS_writev,
    libc::SYS_pwrite64,
    libc::SYS_pwritev,
    libc::SYS_pwritev2,
    libc::SYS_splice,
    libc::SYS_sendfile,
];

/// The table that programs look into.
pub(super) const SYSCALL_ACTIVITIES: SyscallActivities = {
    let mut table = [Activity::Other as u8; SYSCALLS];
    let groups: [(&[libc::c_long], Activity); 6] = [
        (FUTEX, Activity::Futex),
        (POLL, Activity::Poll),
        (TIMER, Activity::Timer),
        (CHILD, Activity::Child),
        (SOCKET, Activity::Socket),
        (FILE, Activity::File),
    ];
    let mut group = 0;
    while group < groups.len() {
        let (calls, activity) = groups[group];
        let mut call = 0;
        while call < calls.len() {
            table[calls[call] as usize] = activity as u8;
            call += 1;
        }
        group += 1;
    }
    SyscallActivities(table)
};
