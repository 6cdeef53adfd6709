//! Children, and the ways in which they go on and end.

use std::{
    ffi::CString,
    io,
    path::{Path, PathBuf},
    ptr, thread,
    time::Duration,
};

/// The wait status of a child.
pub(super) fn status_of(pid: libc::pid_t) -> i32 {
    let mut status = 0;
    // SAFETY: a valid place for the status.
    assert_eq!(unsafe { libc::waitpid(pid, &mut status, 0) }, pid, "{}", io::Error::last_os_error());
    status
}

/// Ends this thread alone, as `pthread_exit` in a program's `main` does.
pub(super) fn end_this_thread(code: libc::c_int) -> ! {
    // SAFETY: nothing of this thread's stack is used by others.
    unsafe { libc::syscall(libc::SYS_exit, code) };
    unreachable!("exit does not return")
}

/// Ends this process.
pub(super) fn exit_group(code: libc::c_int) -> ! {
    // SAFETY: no preconditions.
    unsafe { libc::_exit(code) }
}

/// Has this process killed, without a core.
pub(super) fn kill_self(signal: libc::c_int) -> ! {
    // SAFETY: no preconditions. What Rust's runtime or the test harness has set up for a signal is undone.
    unsafe {
        libc::signal(signal, libc::SIG_DFL);
        libc::setrlimit(libc::RLIMIT_CORE, &libc::rlimit { rlim_cur: 0, rlim_max: 0 });
        libc::kill(libc::getpid(), signal);
    }
    loop {
        thread::sleep(Duration::from_secs(1));
    }
}

/// Executes a file, as a C program does, with at most one argument; returns the error when that fails.
pub(super) fn exec(file: &Path, argument: Option<&str>) -> i32 {
    let text = |text: &[u8]| CString::new(text).expect("no zero");
    let path = text(file.as_os_str().as_encoded_bytes());
    let argument = argument.map(|argument| text(argument.as_bytes()));
    let second = argument.as_ref().map_or(ptr::null(), |argument| argument.as_ptr());
    let (arguments, environment) = ([path.as_ptr(), second, ptr::null()], [ptr::null()]);
    // SAFETY: zero-terminated texts and lists.
    unsafe { libc::execve(path.as_ptr(), arguments.as_ptr(), environment.as_ptr()) };
    io::Error::last_os_error().raw_os_error().expect("execve only returns when it has failed")
}

/// The path of a program that every system has.
pub(super) fn program(name: &str) -> PathBuf {
    let paths = ["/bin", "/usr/bin"].map(|folder| Path::new(folder).join(name));
    paths.into_iter().find(|path| path.exists()).unwrap_or_else(|| panic!("no program {name}"))
}
