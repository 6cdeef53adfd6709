//! The labels of block I/O, as far as the config keeps them.

use std::sync::Arc;

use exporter_common::block_io::{BlockErrorKey, BlockOwner};

use super::{ErrorNames, Operations};
use crate::{
    catalogue::keys,
    config::By,
    entities::identity::{Who, whose},
    hooks::block::{Kept, disk_name},
    snapshot::Labels,
};

/// Gives things their names.
pub(super) struct Naming {
    /// Whether there is more to name than sizes and errors.
    pub(super) durations: bool,
    pub(super) kept: Kept,
    pub(super) by: By,
    pub(super) operations: Operations,
    pub(super) errors: ErrorNames,
}

impl Naming {
    /// Device and operation of a tenant, as far as they are kept.
    pub(super) fn tenant(&self, owner: &BlockOwner) -> Labels {
        self.what(&disk_name(owner.device, &owner.disk_name), owner.operation)
    }

    /// The same for what has no slot of its own: the names that stand for all others.
    pub(super) fn fold(&self) -> Labels {
        self.what("", 0).folded()
    }

    /// Device, operation and kind of an error.
    pub(super) fn error(&self, device: &str, key: &BlockErrorKey) -> Labels {
        self.what(device, key.operation).with([(&keys::ERROR, &*self.errors.name(key.status))])
    }

    /// A device alone.
    pub(super) fn device(&self, name: &str) -> Labels {
        Labels::new(self.kept.device.then_some((&keys::DEVICE, name)))
    }

    /// With whose it is, if that is kept.
    pub(super) fn with_owner(&self, labels: &Labels, who: Option<&Who>) -> Labels {
        labels.and(&whose(who, self.by))
    }

    /// `operation` is as in keys: plus one.
    fn what(&self, device: &str, operation: u32) -> Labels {
        let operation: Option<Arc<str>> =
            self.kept.operation.then(|| self.operations.name(operation.wrapping_sub(1)));
        let device = self.kept.device.then_some((&keys::DEVICE, device));
        let operation = operation.as_deref().map(|name| (&keys::OPERATION, name));
        Labels::new(device.into_iter().chain(operation))
    }
}
