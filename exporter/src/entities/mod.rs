//! Who did it: from wrapping kernel values to series that never go back.

pub mod cgroups;
pub mod identity;
pub mod kubernetes;
pub mod ledger;
pub mod place;
pub mod widen;
