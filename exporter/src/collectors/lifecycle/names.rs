//! Names of signals and errors. Numbers differ between architectures, so they are the C library's.

/// The name of a signal as `kill -l` has it, with the real-time signals counted from glibc's `SIGRTMIN`: the two below it
/// are the C library's own.
pub(super) fn signal(number: u32) -> String {
    const FIRST_REAL_TIME: u32 = 34;
    const LAST_REAL_TIME: u32 = 64;
    let known = SIGNALS.iter().find(|(known, _)| u32::try_from(*known) == Ok(number));
    match (known, number) {
        (Some((_, name)), _) => (*name).to_owned(),
        (None, FIRST_REAL_TIME) => "SIGRTMIN".to_owned(),
        (None, FIRST_REAL_TIME..=LAST_REAL_TIME) => format!("SIGRTMIN+{}", number - FIRST_REAL_TIME),
        _ => format!("signal_{number}"),
    }
}

/// The name of an error.
pub(super) fn error(number: u32) -> String {
    let known = ERRORS.iter().find(|(known, _)| u32::try_from(*known) == Ok(number));
    known.map_or_else(|| format!("errno_{number}"), |(_, name)| (*name).to_owned())
}

macro_rules! named {
    ($($name:ident)*) => {
        &[$((libc::$name, stringify!($name))),*]
    };
}

static SIGNALS: &[(libc::c_int, &str)] = named! {
    SIGHUP SIGINT SIGQUIT SIGILL SIGTRAP SIGABRT SIGBUS SIGFPE SIGKILL SIGUSR1 SIGSEGV SIGUSR2 SIGPIPE SIGALRM SIGTERM
    SIGSTKFLT SIGCHLD SIGCONT SIGSTOP SIGTSTP SIGTTIN SIGTTOU SIGURG SIGXCPU SIGXFSZ SIGVTALRM SIGPROF SIGWINCH SIGIO
    SIGPWR SIGSYS
};

/// Those that an exec or a file system may give.
static ERRORS: &[(libc::c_int, &str)] = named! {
    EPERM ENOENT ESRCH EINTR EIO ENXIO E2BIG ENOEXEC EBADF ECHILD EAGAIN ENOMEM EACCES EFAULT ENOTBLK EBUSY EEXIST EXDEV
    ENODEV ENOTDIR EISDIR EINVAL ENFILE EMFILE ENOTTY ETXTBSY EFBIG ENOSPC ESPIPE EROFS EMLINK EPIPE EDOM ERANGE EDEADLK
    ENAMETOOLONG ENOLCK ENOSYS ENOTEMPTY ELOOP ENODATA ETIME ENOLINK EPROTO EBADMSG EOVERFLOW ELIBACC ELIBBAD ELIBSCN
    ELIBMAX ELIBEXEC EILSEQ EUSERS EOPNOTSUPP ETIMEDOUT ECONNREFUSED EHOSTDOWN EHOSTUNREACH EALREADY ESTALE EUCLEAN
    EREMOTEIO EDQUOT ECANCELED ENOKEY EKEYEXPIRED EKEYREVOKED EKEYREJECTED EHWPOISON
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_has_a_name() {
        assert_eq!([9, 11].map(signal), ["SIGKILL", "SIGSEGV"]);
        let real_time = [32, 33, 34, 35, 64].map(signal);
        assert_eq!(real_time, ["signal_32", "signal_33", "SIGRTMIN", "SIGRTMIN+1", "SIGRTMIN+30"]);
        assert_eq!([2, 8, 999].map(error), ["ENOENT", "ENOEXEC", "errno_999"]);
    }
}
