//! Names of errors.

use std::borrow::Cow;

use linux_raw_sys::errno::*;

macro_rules! names {
    ($($name:ident)*) => {
        &[$(($name, stringify!($name))),*]
    };
}

/// Numbers and names, of the kernel's headers; of two names for one number, the more usual one.
#[rustfmt::skip]
static NAMES: &[(u32, &str)] = names! {
    EPERM ENOENT ESRCH EINTR EIO ENXIO E2BIG ENOEXEC EBADF ECHILD EAGAIN ENOMEM EACCES EFAULT ENOTBLK EBUSY EEXIST EXDEV
    ENODEV ENOTDIR EISDIR EINVAL ENFILE EMFILE ENOTTY ETXTBSY EFBIG ENOSPC ESPIPE EROFS EMLINK EPIPE EDOM ERANGE EDEADLK
    ENAMETOOLONG ENOLCK ENOSYS ENOTEMPTY ELOOP ENOMSG EIDRM ENODATA ETIME ENONET ENOLINK ECOMM EPROTO EBADMSG EOVERFLOW
    ENOTUNIQ EBADFD EREMCHG EILSEQ ERESTART EUSERS ENOTSOCK EDESTADDRREQ EMSGSIZE EPROTOTYPE ENOPROTOOPT EPROTONOSUPPORT
    ESOCKTNOSUPPORT EOPNOTSUPP EPFNOSUPPORT EAFNOSUPPORT EADDRINUSE EADDRNOTAVAIL ENETDOWN ENETUNREACH ENETRESET
    ECONNABORTED ECONNRESET ENOBUFS EISCONN ENOTCONN ESHUTDOWN ETOOMANYREFS ETIMEDOUT ECONNREFUSED EHOSTDOWN EHOSTUNREACH
    EALREADY EINPROGRESS ESTALE EUCLEAN EREMOTEIO EDQUOT ENOMEDIUM EMEDIUMTYPE ECANCELED ENOKEY EKEYEXPIRED EKEYREVOKED
    EKEYREJECTED EOWNERDEAD ENOTRECOVERABLE ERFKILL EHWPOISON
};

/// What a call returns inside of the kernel when a signal has come, and it may have to be made again
/// (include/linux/errno.h): `ERESTARTSYS`, `ERESTARTNOINTR`, `ERESTARTNOHAND`, `ERESTART_RESTARTBLOCK`. Programs see
/// `EINTR`, if anything.
pub const RESTARTS: [u32; 4] = [512, 513, 514, 516];

/// The name of an error; `errno_N` when it has none here.
pub fn name(number: u32) -> Cow<'static, str> {
    if RESTARTS.contains(&number) {
        return "EINTR".into();
    }
    match NAMES.iter().find(|(of, _)| *of == number) {
        Some((_, name)) => (*name).into(),
        None => format!("errno_{number}").into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_have_the_names_that_programs_know() {
        let names = [libc::ENOENT, libc::EDQUOT, libc::EAGAIN].map(|number| name(number.cast_unsigned()));
        assert_eq!(names, ["ENOENT", "EDQUOT", "EAGAIN"]);
        assert_eq!((&*name(512), &*name(3000)), ("EINTR", "errno_3000"));
    }
}
