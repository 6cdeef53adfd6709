//! Field offsets and switches, set by user space before the object is loaded.

use exporter_common::tcp::TcpFields;

/// All zero here; a volatile read keeps the compiler from believing that.
#[unsafe(no_mangle)]
pub static FIELDS: TcpFields = TcpFields {
    daddr: 0,
    rcv_saddr: 0,
    v6_daddr: 0,
    v6_rcv_saddr: 0,
    num: 0,
    family: 0,
    state: 0,
    net: 0,
    flags: 0,
    done_flag: 0,
    protocol: 0,
    error: 0,
    ack_backlog: 0,
    max_ack_backlog: 0,
    cgroup: 0,
    srtt_us: 0,
    latest_rtt_us: 0,
    segs_out: 0,
    bytes_sent: 0,
    bytes_retrans: 0,
    bytes_received: 0,
    gso_segs: 0,
    skb_protocol: 0,
    retransmit_error: 0,
    cells: 0,
};

/// A frozen constant of [`FIELDS`].
macro_rules! field {
    ($field:ident) => {{
        use $crate::fields::FIELDS;
        exporter_ebpf::frozen!(FIELDS.$field)
    }};
}
pub(crate) use field;
