//! Offsets of a socket's fields.

use exporter_common::{ABSENT, tcp::TcpFields};

use crate::{
    collectors::registry::Kernel,
    kernel::btf::{Btf, BtfError},
};

/// As the running kernel has them. How much is remembered is left open.
pub(super) fn of(kernel: &Kernel) -> Result<TcpFields, BtfError> {
    let btf = &kernel.btf;
    let common = |field: &str| btf.offset("sock", &format!("__sk_common.{field}"));
    let optional = |field: &str| btf.optional_offset("sock", field).unwrap_or(ABSENT);
    let with_v2 = |field: &str| if kernel.hierarchy.id == 0 { optional(field) } else { ABSENT };
    Ok(TcpFields {
        daddr: common("skc_daddr")?,
        rcv_saddr: common("skc_rcv_saddr")?,
        v6_daddr: optional("__sk_common.skc_v6_daddr"),
        v6_rcv_saddr: optional("__sk_common.skc_v6_rcv_saddr"),
        num: common("skc_num")?,
        family: common("skc_family")?,
        state: common("skc_state")?,
        net: common("skc_net")?,
        flags: common("skc_flags")?,
        done_flag: btf.enum_value("sock_flags", "SOCK_DONE")? as u32,
        protocol: btf.offset("sock", "sk_protocol")?,
        error: btf.offset("sock", "sk_err")?,
        ack_backlog: btf.offset("sock", "sk_ack_backlog")?,
        max_ack_backlog: btf.offset("sock", "sk_max_ack_backlog")?,
        cgroup: with_v2("sk_cgrp_data.cgroup"),
        srtt_us: btf.offset("tcp_sock", "srtt_us")?,
        latest_rtt_us: btf.offset("tcp_sock", "rack.rtt_us")?,
        segs_out: btf.offset("tcp_sock", "segs_out")?,
        bytes_sent: btf.offset("tcp_sock", "bytes_sent")?,
        bytes_retrans: btf.offset("tcp_sock", "bytes_retrans")?,
        bytes_received: btf.offset("tcp_sock", "bytes_received")?,
        gso_segs: btf.offset("sk_buff", "cb")? + btf.offset("tcp_skb_cb", "tcp_gso_segs")?,
        skb_protocol: btf.offset("sk_buff", "protocol")?,
        retransmit_error: u32::from(has_argument(btf, "tcp_retransmit_skb", 2)),
        cells: 0,
    })
}

/// Whether a tracepoint has an argument with this number, from 0.
pub(super) fn has_argument(btf: &Btf, tracepoint: &str, number: usize) -> bool {
    btf.tracepoint(tracepoint).is_some_and(|types| types.len() > number)
}
