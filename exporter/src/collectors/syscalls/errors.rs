//! Classes of errors: there are too many errors to tell them all apart.

use exporter_common::syscalls::TABLE;
use linux_raw_sys::errno::*;

use crate::kernel::errno::RESTARTS;

/// Name of a class, and what is in it. What is in none is in the first.
#[rustfmt::skip]
static CLASSES: &[(&str, &[u32])] = &[
    ("other", &[]),
    ("again", &[EAGAIN, EINPROGRESS, EALREADY]),
    ("interrupted", &[EINTR, ERESTART, RESTARTS[0], RESTARTS[1], RESTARTS[2], RESTARTS[3]]),
    ("not_found", &[ENOENT, ESRCH, ENXIO, ECHILD, ENODEV, ENOTDIR, ENODATA, ENOMSG, ENOKEY]),
    ("exists", &[EEXIST, ENOTEMPTY, EBUSY, ETXTBSY, EADDRINUSE, EISCONN]),
    ("permission", &[EPERM, EACCES, EROFS]),
    ("invalid", &[
        EINVAL, EBADF, EFAULT, E2BIG, ENOEXEC, EXDEV, EISDIR, ESPIPE, EDOM, ERANGE, ENAMETOOLONG, ELOOP, EOVERFLOW, EILSEQ,
        EBADFD, ENOTSOCK, EDESTADDRREQ, EMSGSIZE, EPROTOTYPE, ENOTBLK,
    ]),
    ("unsupported", &[
        ENOSYS, ENOTTY, EOPNOTSUPP, ENOPROTOOPT, EPROTONOSUPPORT, ESOCKTNOSUPPORT, EPFNOSUPPORT, EAFNOSUPPORT,
    ]),
    ("no_memory", &[ENOMEM, ENOBUFS]),
    ("no_space", &[ENOSPC, EDQUOT, EFBIG]),
    ("limit", &[EMFILE, ENFILE, EMLINK, EUSERS, ENOLCK]),
    ("connection", &[
        EPIPE, ENETDOWN, ENETUNREACH, ENETRESET, ECONNABORTED, ECONNRESET, ENOTCONN, ESHUTDOWN, ECONNREFUSED, EHOSTDOWN,
        EHOSTUNREACH, EADDRNOTAVAIL,
    ]),
    ("io", &[EIO, EREMOTEIO, EBADMSG, EUCLEAN, ENOMEDIUM, EHWPOISON, ESTALE]),
    ("timeout", &[ETIMEDOUT, ETIME]),
];

/// The class of each error, by its number.
pub(super) fn classes() -> [u8; TABLE] {
    let mut table = [0; TABLE];
    for (class, (_, errors)) in (0..).zip(CLASSES) {
        for error in *errors {
            table[*error as usize] = class;
        }
    }
    table
}

/// The name of a class.
pub(super) fn name(class: u32) -> &'static str {
    CLASSES.get(class as usize).map_or("other", |(name, _)| name)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_error_is_in_one_class() {
        let errors: Vec<_> = CLASSES.iter().flat_map(|(_, errors)| *errors).collect();
        assert_eq!(errors.iter().collect::<BTreeSet<_>>().len(), errors.len());
        let class = |error: u32| name(classes()[error as usize].into());
        assert_eq!((class(EAGAIN), class(512), class(ENOENT)), ("again", "interrupted", "not_found"));
        assert_eq!((class(0), class(EDEADLK)), ("other", "other"));
    }
}
