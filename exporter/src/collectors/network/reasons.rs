//! The running kernel's reasons for dropping packets. Their numbers change from one kernel to the next, so the names are
//! its own, from its type information.

use exporter_common::{
    ABSENT,
    network::{FIXED_COUNTERS, NetworkFields, REASONS, SUBSYSTEMS, series},
    rows::RowKey,
};

use crate::kernel::btf::Btf;

/// What the kernel calls reasons before their names.
const PREFIX: &str = "SKB_DROP_REASON_";

/// Reasons by the number of their row; `None` where no reason is.
#[derive(Debug, Default)]
pub(super) struct Reasons {
    names: Vec<Option<String>>,
    pub(super) fields: NetworkFields,
}

impl Reasons {
    /// Those of this kernel; `None` when its tracepoint of dropped packets tells none.
    pub(super) fn of(btf: &Btf) -> Option<Self> {
        let arguments = btf.tracepoint("kfree_skb")?;
        let reasons = btf.enum_members("skb_drop_reason");
        if arguments.get(2).is_none_or(|kind| kind != "skb_drop_reason") || reasons.is_empty() {
            return None;
        }
        Some(Self::from_members(&reasons, &btf.enum_members("skb_drop_reason_subsys")))
    }

    fn from_members(reasons: &[(String, u64)], subsystems: &[(String, u64)]) -> Self {
        let mut names = vec![None; FIXED_COUNTERS as usize];
        let is_reason = |name: &str| name.starts_with(PREFIX) && name != "SKB_DROP_REASON_MAX";
        for (name, value) in reasons.iter().filter(|(name, value)| is_reason(name) && *value < REASONS.into())
        {
            names[*value as usize] = Some(lower(name));
        }
        // The core's own row is for reasons that have none.
        names[REASONS as usize] = Some("other".to_owned());
        let is_subsystem =
            |name: &str| !matches!(name, "SKB_DROP_REASON_SUBSYS_CORE" | "SKB_DROP_REASON_SUBSYS_NUM");
        for (name, value) in subsystems.iter().filter(|(name, _)| is_subsystem(name)) {
            if (1..SUBSYSTEMS.into()).contains(value) {
                names[REASONS as usize + *value as usize] = Some(lower(name));
            }
        }
        let value = |wanted| {
            let found = reasons.iter().find(|(name, _)| name == wanted);
            found.map_or(ABSENT, |(_, value)| *value as u32)
        };
        let fields =
            NetworkFields { not_dropped: value("SKB_NOT_DROPPED_YET"), consumed: value("SKB_CONSUMED") };
        Self { names, fields }
    }

    /// What the fixed rows count; nothing where no reason is.
    pub(super) fn rows(&self) -> Vec<RowKey> {
        let row = |attribute: u32| {
            let known = self.name(attribute).is_some();
            RowKey { cgroup: 0, series: if known { series::DROP } else { 0 }, attribute }
        };
        (0..FIXED_COUNTERS).map(row).collect()
    }

    /// The reason of a row.
    pub(super) fn name(&self, row: u32) -> Option<&str> {
        self.names.get(row as usize)?.as_deref()
    }
}

fn lower(name: &str) -> String {
    name.strip_prefix(PREFIX).unwrap_or(name).to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_those_of_the_kernel() {
        let members = |members: &[(&str, u64)]| -> Vec<(String, u64)> {
            members.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect()
        };
        let reasons = Reasons::from_members(
            &members(&[
                ("SKB_NOT_DROPPED_YET", 0),
                ("SKB_CONSUMED", 1),
                ("SKB_DROP_REASON_NOT_SPECIFIED", 2),
                ("SKB_DROP_REASON_NO_SOCKET", 3),
                ("SKB_DROP_REASON_MAX", 4),
                ("SKB_DROP_REASON_SUBSYS_MASK", 0xffff_0000),
            ]),
            &members(&[
                ("SKB_DROP_REASON_SUBSYS_CORE", 0),
                ("SKB_DROP_REASON_SUBSYS_OPENVSWITCH", 3),
                ("SKB_DROP_REASON_SUBSYS_NUM", 4),
            ]),
        );
        let named: Vec<_> = (0..FIXED_COUNTERS).filter_map(|row| Some((row, reasons.name(row)?))).collect();
        let expected =
            [(2, "not_specified"), (3, "no_socket"), (REASONS, "other"), (REASONS + 3, "subsys_openvswitch")];
        assert_eq!(named, expected);
        assert_eq!((reasons.fields.not_dropped, reasons.fields.consumed), (0, 1));
        assert_eq!(reasons.rows().iter().filter(|row| row.series != 0).count(), expected.len());
    }

    #[test]
    fn a_kernel_without_reasons_has_none() {
        assert!(Reasons::default().rows().iter().all(|row| row.series == 0));
        assert_eq!(Reasons::default().rows().len(), FIXED_COUNTERS as usize, "and the same rows");
    }
}
