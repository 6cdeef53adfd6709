//! A seccomp filter as container runtimes have it: a list of system calls that are allowed, all others are not
//! permitted.

use std::io;

/// A classic BPF program over the system call's number.
#[derive(Clone)]
pub(crate) struct Filter(Vec<libc::sock_filter>);

impl Filter {
    /// What runtimes allow by default to a process with `CAP_BPF`. `perf_event_open` is not in it, because some
    /// do not allow that even with `CAP_PERFMON`.
    pub(crate) fn runtime_default() -> Self {
        Self::of(ordinary().chain([libc::SYS_bpf]))
    }

    /// The same without bpf(2).
    pub(crate) fn without_bpf() -> Self {
        Self::of(ordinary())
    }

    fn of(allowed: impl Iterator<Item = libc::c_long>) -> Self {
        let statement = |code: u32, k: u32| libc::sock_filter { code: code as u16, jt: 0, jf: 0, k };
        let jump = |k: u32| libc::sock_filter {
            code: (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16,
            jt: 0,
            jf: 1,
            k,
        };
        // The number is the first word of `struct seccomp_data`.
        let mut program = vec![statement(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0)];
        for number in allowed {
            program.push(jump(number as u32));
            program.push(statement(libc::BPF_RET | libc::BPF_K, libc::SECCOMP_RET_ALLOW));
        }
        let denied = libc::SECCOMP_RET_ERRNO | libc::EPERM as u32;
        program.push(statement(libc::BPF_RET | libc::BPF_K, denied));
        Self(program)
    }

    /// From now on and for good, for this thread.
    pub(crate) fn install(&self) -> io::Result<()> {
        let program = libc::sock_fprog { len: self.0.len() as u16, filter: self.0.as_ptr().cast_mut() };
        // SAFETY: a program of that length, which the kernel only reads.
        match unsafe { libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const program) } {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        }
    }
}

fn ordinary() -> impl Iterator<Item = libc::c_long> {
    ORDINARY.iter().chain(OLD).copied()
}

macro_rules! calls {
    ($($name:ident)*) => { &[$(libc::$name),*] };
}

const ORDINARY: &[libc::c_long] = calls! {
    SYS_accept4 SYS_bind SYS_brk SYS_capget SYS_capset SYS_chdir SYS_clock_getres SYS_clock_gettime
    SYS_clock_nanosleep SYS_clone SYS_clone3 SYS_close SYS_close_range SYS_connect SYS_dup SYS_dup3 SYS_epoll_create1
    SYS_epoll_ctl SYS_epoll_pwait SYS_epoll_pwait2 SYS_eventfd2 SYS_execve SYS_exit SYS_exit_group SYS_faccessat
    SYS_faccessat2 SYS_fcntl SYS_fdatasync SYS_flock SYS_fstat SYS_fstatfs SYS_fsync SYS_ftruncate SYS_futex SYS_getcwd
    SYS_getdents64 SYS_getegid SYS_geteuid SYS_getgid SYS_getpeername SYS_getpid SYS_getppid SYS_getrandom
    SYS_getrusage SYS_getsockname SYS_getsockopt SYS_gettid SYS_gettimeofday SYS_getuid SYS_ioctl SYS_kill
    SYS_listen SYS_lseek SYS_madvise SYS_membarrier SYS_mmap SYS_mprotect SYS_mremap SYS_munmap SYS_nanosleep
    SYS_newfstatat SYS_openat SYS_openat2 SYS_pipe2 SYS_ppoll SYS_prctl SYS_pread64 SYS_prlimit64 SYS_pselect6
    SYS_pwrite64 SYS_read SYS_readlinkat SYS_readv SYS_recvfrom SYS_recvmsg SYS_restart_syscall SYS_rseq
    SYS_rt_sigaction SYS_rt_sigprocmask SYS_rt_sigreturn SYS_sched_getaffinity SYS_sched_yield SYS_sendmsg SYS_sendto
    SYS_set_robust_list SYS_set_tid_address SYS_setrlimit SYS_setsockopt SYS_shutdown SYS_sigaltstack SYS_socket
    SYS_socketpair SYS_statfs SYS_statx SYS_sysinfo SYS_tgkill SYS_uname SYS_unlinkat SYS_write SYS_writev
};

/// Calls that newer architectures no longer have.
#[cfg(target_arch = "x86_64")]
const OLD: &[libc::c_long] = calls! {
    SYS_access SYS_arch_prctl SYS_epoll_wait SYS_getdents SYS_lstat SYS_open SYS_pipe SYS_poll SYS_readlink SYS_stat
};
#[cfg(not(target_arch = "x86_64"))]
const OLD: &[libc::c_long] = &[];
