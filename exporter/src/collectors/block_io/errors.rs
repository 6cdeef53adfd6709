//! Names of errors.
//!
//! Up to 5.15 the tracepoint tells an error number, from 5.16 a `blk_status_t`. Its values are macros, so the
//! kernel's type information doesn't know them. The first thirteen never changed from 5.10 to 7.2. Those
//! behind them moved once: 6.10 removed `BLK_STS_ZONE_RESOURCE`, the fourteenth, when it replaced the locking of
//! zones, and with it the scheduler features that the locking needed; so a kernel whose request queue has the
//! field `required_elevator_features` has the old numbers.
//!
//! Names follow what the kernel prints (`blk_errors`, block/blk-core.c), as words that can be label values.

use std::borrow::Cow;

use crate::kernel::btf::Btf;

/// Errors that every device is shown with from the start, so that the first one is an increase.
pub(super) const ALWAYS_SHOWN: [&str; 3] = ["io", "medium", "timeout"];

/// How the running kernel tells what went wrong.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ErrorNames {
    /// As negative error numbers (5.10 to 5.15).
    Numbers,
    /// As `blk_status_t` with `BLK_STS_ZONE_RESOURCE` (5.16 to 6.9).
    StatusWithZoneResource,
    /// As `blk_status_t` without it (from 6.10).
    Status,
}

/// (name, error number, `blk_status_t`) where the latter never changed.
const NAMES: [(&str, i32, i32); 13] = [
    ("not_supported", libc::EOPNOTSUPP, 1),
    ("timeout", libc::ETIMEDOUT, 2),
    ("no_space", libc::ENOSPC, 3),
    ("transport", libc::ENOLINK, 4),
    ("target", libc::EREMOTEIO, 5),
    ("reservation_conflict", libc::EBADE, 6),
    ("medium", libc::ENODATA, 7),
    ("protection", libc::EILSEQ, 8),
    ("resource", libc::ENOMEM, 9),
    ("io", libc::EIO, 10),
    ("dm_requeue", libc::EREMCHG, 11),
    ("again", libc::EAGAIN, 12),
    ("device_resource", libc::EBUSY, 13),
];

/// (name, error number, `blk_status_t` up to 6.9, and from 6.10), 0 where there is none. `BLK_STS_ZONE_RESOURCE`
/// has no error number of its own.
const MOVED: [(&str, i32, i32, i32); 6] = [
    ("zone_resource", 0, 14, 0),
    ("zone_open_resource", libc::ETOOMANYREFS, 15, 14),
    ("zone_active_resource", libc::EOVERFLOW, 16, 15),
    ("offline", libc::ENODEV, 17, 16),
    ("duration_limit", libc::ETIME, 18, 17),
    ("invalid", libc::EINVAL, 0, 19),
];

impl ErrorNames {
    /// The running kernel's.
    pub fn of(btf: &Btf) -> Self {
        let arguments = btf.tracepoint("block_rq_complete").unwrap_or_default();
        if arguments.get(1).is_some_and(|name| name == "int") {
            Self::Numbers
        } else if btf.optional_offset("request_queue", "required_elevator_features").is_some() {
            Self::StatusWithZoneResource
        } else {
            Self::Status
        }
    }

    /// The name of an error, as the tracepoint told it.
    pub fn name(self, told: i32) -> Cow<'static, str> {
        let wanted = if self == Self::Numbers { told.wrapping_neg() } else { told };
        let constant = NAMES
            .iter()
            .map(|(name, number, status)| (*name, if self == Self::Numbers { *number } else { *status }));
        let moved = MOVED.iter().map(|(name, number, old, new)| match self {
            Self::Numbers => (*name, *number),
            Self::StatusWithZoneResource => (*name, *old),
            Self::Status => (*name, *new),
        });
        match constant.chain(moved).find(|(_, value)| *value == wanted) {
            Some((name, value)) if value != 0 => Cow::Borrowed(name),
            _ if self == Self::Numbers => Cow::Owned(format!("errno_{wanted}")),
            _ => Cow::Owned(format!("status_{told}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_thirteen_are_the_same_in_all_kernels() {
        for (name, number, status) in NAMES {
            assert_eq!(ErrorNames::Numbers.name(-number), name);
            assert_eq!(ErrorNames::StatusWithZoneResource.name(status), name);
            assert_eq!(ErrorNames::Status.name(status), name);
        }
        assert!(NAMES.iter().zip(1..).all(|((.., status), number)| *status == number));
    }

    #[test]
    fn those_behind_them_moved() {
        let names =
            |kernel: ErrorNames| (14..=20).map(|status| kernel.name(status).into_owned()).collect::<Vec<_>>();
        assert_eq!(
            names(ErrorNames::StatusWithZoneResource),
            [
                "zone_resource",
                "zone_open_resource",
                "zone_active_resource",
                "offline",
                "duration_limit",
                "status_19",
                "status_20"
            ]
        );
        assert_eq!(
            names(ErrorNames::Status),
            [
                "zone_open_resource",
                "zone_active_resource",
                "offline",
                "duration_limit",
                "status_18",
                "invalid",
                "status_20"
            ]
        );
    }

    #[test]
    fn unknown_ones_keep_their_number() {
        assert_eq!(ErrorNames::Numbers.name(-libc::EPERM), "errno_1");
        assert_eq!(ErrorNames::Numbers.name(0), "errno_0");
        assert_eq!(ErrorNames::Status.name(0), "status_0");
        assert_eq!(ErrorNames::Numbers.name(i32::MIN), format!("errno_{}", i32::MIN));
    }

    #[test]
    fn what_is_always_shown_are_errors() {
        for shown in ALWAYS_SHOWN {
            assert!(NAMES.iter().any(|(name, ..)| *name == shown), "{shown}");
        }
    }
}
