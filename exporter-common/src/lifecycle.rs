//! What the programs and the user's side of the collector `lifecycle` agree on.

/// Series, by their numbers in [`RowKey`](crate::rows::RowKey).
pub mod series {
    /// Processes that were made.
    pub const PROCESS_CREATED: u32 = 1;
    /// Threads that were made, beside the first of a process.
    pub const THREAD_CREATED: u32 = 2;
    /// Execs that have replaced a program.
    pub const EXEC: u32 = 3;
    /// Execs that have failed; the attribute is the number of the error.
    pub const EXEC_FAILED: u32 = 4;
    /// Processes that have ended; the attribute is a [`Class`](super::Class).
    pub const EXIT: u32 = 5;
    /// Those that a signal has ended; the attribute is its number.
    pub const FATAL_SIGNAL: u32 = 6;
    /// Threads that have ended before their process.
    pub const THREAD_EXIT: u32 = 7;
    /// Durations from the making of a process to its first exec.
    pub const EXEC_DELAY: u32 = 8;
    /// Durations from the making of a process to its end.
    pub const LIFETIME: u32 = 9;
}

/// Notes.
pub mod note {
    /// The end of a process may have been counted twice.
    pub const ENDED_TWICE: u32 = 0;
}

/// Programs, by their numbers in [`RowsCpu`](crate::rows::RowsCpu).
pub mod program {
    /// `sched_process_fork`
    pub const FORK: u32 = 0;
    /// `sched_process_exec`
    pub const EXEC: u32 = 1;
    /// `sched_process_exit`
    pub const EXIT: u32 = 2;
    /// `execve_exit`
    pub const EXECVE: u32 = 3;
    /// `execveat_exit`
    pub const EXECVEAT: u32 = 4;
}

/// In what way a process has ended, as `wait4` tells it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u32)]
pub enum Class {
    /// Status 0.
    Success = 0,
    /// Any other status.
    Failure = 1,
    /// Status 126: by convention a shell's, whose command could not be executed.
    NotExecutable = 2,
    /// Status 127: by convention a shell's, whose command was not found.
    NotFound = 3,
    /// Status 129 to 192: by convention a shell's or an init's, whose child a signal has killed.
    ChildKilled = 4,
    /// Killed by a signal.
    Killed = 5,
}

impl Class {
    /// All, by their numbers.
    pub const ALL: [Self; 6] =
        [Self::Success, Self::Failure, Self::NotExecutable, Self::NotFound, Self::ChildKilled, Self::Killed];

    /// From a wait status.
    #[inline(always)]
    pub const fn of(status: u32) -> Self {
        if signal(status) != 0 {
            return Self::Killed;
        }
        match status >> 8 & 0xff {
            0 => Self::Success,
            126 => Self::NotExecutable,
            127 => Self::NotFound,
            129..=192 => Self::ChildKilled,
            _ => Self::Failure,
        }
    }
}

/// The signal that has killed a process with this wait status; 0 when none has.
#[inline(always)]
pub const fn signal(status: u32) -> u32 {
    status & 0x7f
}

/// Places for processes whose last threads end at the same moment.
pub const ENDING: u32 = 4096;

/// Offsets of fields, [`ABSENT`](crate::ABSENT) for what the kernel does not have or need.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct LifecycleFields {
    /// `task_struct.pid`
    pub pid: u32,
    /// `task_struct.tgid`
    pub tgid: u32,
    /// `task_struct.group_leader`
    pub group_leader: u32,
    /// `task_struct.start_time`
    pub start_time: u32,
    /// `task_struct.exit_code`
    pub exit_code: u32,
    /// `task_struct.parent_exec_id`
    pub parent_exec_id: u32,
    /// `task_struct.self_exec_id`
    pub self_exec_id: u32,
    /// `task_struct.signal`
    pub signal: u32,
    /// `signal_struct.flags`
    pub signal_flags: u32,
    /// `signal_struct.group_exit_code`
    pub group_exit_code: u32,
    /// `signal_struct.live`, where the tracepoint of exits does not say whether it is the process' end.
    pub live: u32,
}

// SAFETY: `u32`s.
unsafe impl crate::Plain for LifecycleFields {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_has_a_class() {
        let of_code = |code: u32| Class::of(code << 8);
        assert_eq!([0, 1, 125].map(of_code), [Class::Success, Class::Failure, Class::Failure]);
        assert_eq!([126, 127].map(of_code), [Class::NotExecutable, Class::NotFound]);
        assert_eq!(
            [128, 129, 192, 193].map(of_code),
            [Class::Failure, Class::ChildKilled, Class::ChildKilled, Class::Failure]
        );
        assert_eq!(
            (Class::of(11), Class::of(11 | 0x80)),
            (Class::Killed, Class::Killed),
            "with a core or without"
        );
        assert_eq!((signal(11 | 0x80), signal(255 << 8)), (11, 0));
        for (number, class) in (0..).zip(Class::ALL) {
            assert_eq!(class as u32, number);
        }
    }
}
