//! Names of operations, from the running kernel.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::kernel::btf::Btf;

/// `REQ_OP_*` by number.
pub struct Operations {
    names: FxHashMap<u32, Arc<str>>,
}

impl Operations {
    /// The running kernel's: `enum req_op`, or `req_opf` before 6.0.
    pub fn of(btf: &Btf) -> Self {
        let mut members = btf.enum_members("req_op");
        if members.is_empty() {
            members = btf.enum_members("req_opf");
        }
        Self::from_members(members)
    }

    fn from_members(members: Vec<(String, u64)>) -> Self {
        let named = members.into_iter().filter_map(|(member, number)| {
            let name = member.strip_prefix("REQ_OP_")?.to_ascii_lowercase();
            (name != "last").then(|| (number as u32, name.into()))
        });
        Self { names: named.collect() }
    }

    /// The name of an operation.
    pub fn name(&self, number: u32) -> Arc<str> {
        self.names.get(&number).cloned().unwrap_or_else(|| format!("operation_{number}").into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_the_kernels_in_lower_case() {
        let members = [("REQ_OP_READ", 0), ("REQ_OP_WRITE_ZEROES", 9), ("REQ_OP_LAST", 36)];
        let operations =
            Operations::from_members(members.map(|(name, number)| (name.to_owned(), number)).to_vec());
        assert_eq!(&*operations.name(0), "read");
        assert_eq!(&*operations.name(9), "write_zeroes");
        assert_eq!(&*operations.name(36), "operation_36", "the end of the enum is no operation");
    }
}
