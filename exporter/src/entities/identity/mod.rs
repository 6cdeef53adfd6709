//! Who did it: from a cgroup's id to labels.
//!
//! ```text
//!   id ──► path ──► place in the tree ──┬──► labels
//!      cgroups   place                  │
//!                       pods ───────────┘
//!                      kubernetes
//! ```
//!
//! Kubernetes tells a pod's names only after its containers have begun to run. So a container that is met is
//! [withheld](crate::entities::ledger) until it has its name, but not for ever: after the config's `kubernetes.patience`
//! it is shown with what its path says. Names that come later, or change, are for what is counted from then on.

mod identities;
mod naming;
mod who;

pub use identities::{Identities, IdentityStats};
pub use who::Who;

use crate::{
    catalogue::{OTHER_CGROUPS, keys},
    config::By,
    snapshot::Labels,
};

/// The labels that say whose something is; those of the fold when it is nobody's.
pub fn whose(who: Option<&Who>, by: By) -> Labels {
    match who {
        Some(who) => who.labels(by),
        None if by == By::None => Labels::default(),
        None => Labels::new([(&keys::CGROUP, OTHER_CGROUPS)]),
    }
}

#[cfg(test)]
mod tests;
