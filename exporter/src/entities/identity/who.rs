//! Who a cgroup is, as labels.

use std::{
    hash::{Hash, Hasher},
    sync::Arc,
};

use crate::{config::By, snapshot::Labels};

/// Who a cgroup is. Cheap to clone; two of them are equal when they are the same answer, so that whoever
/// holds one sees at once that there is a new one.
#[derive(Clone, Debug)]
pub struct Who(Arc<Names>);

/// The labels of one cgroup in every mode.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Names {
    pub(super) container: Labels,
    pub(super) workload: Labels,
    pub(super) path: Labels,
}

impl Who {
    pub(super) fn new(names: Names) -> Self {
        Self(Arc::new(names))
    }

    /// The labels that say so; a placeholder while names are still to come.
    pub fn labels(&self, by: By) -> Labels {
        match by {
            By::Container => self.0.container.clone(),
            By::Workload => self.0.workload.clone(),
            By::Cgroup => self.0.path.clone(),
            By::None => Labels::default(),
        }
    }

    /// What the labels were made of.
    pub(super) fn names(&self) -> &Names {
        &self.0
    }
}

impl PartialEq for Who {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Who {}

impl Hash for Who {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Arc::as_ptr(&self.0).hash(state);
    }
}
