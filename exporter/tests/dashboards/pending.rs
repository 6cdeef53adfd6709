//! Metrics that dashboards and rules read, of collectors that are not in the catalogue yet. A test fails for each that has
//! come into it: its line goes. Panels and rules that read one of these may be without data.

/// By their names in Prometheus.
pub(crate) const PENDING: &[&str] = &[
    "kernel_tcp_connect_duration_seconds",
    "kernel_tcp_connection_duration_seconds",
    "kernel_tcp_rtt_seconds",
    "kernel_tcp_opens_total",
    "kernel_tcp_io_bytes_total",
    "kernel_tcp_retransmits_total",
    "kernel_tcp_resets_total",
    "kernel_tcp_host_listen_overflows_total",
    "kernel_tcp_listen_overflows_total",
    "kernel_network_drops_total",
    "system_network_io_bytes_total",
    "system_network_packet_count_total",
    "system_network_packet_dropped_total",
    "system_network_errors_total",
    "kernel_network_softnet_packets_total",
    "kernel_network_softnet_drops_total",
    "kernel_network_softnet_squeezes_total",
    "system_process_created_total",
    "kernel_process_execs_total",
    "kernel_process_exits_total",
    "kernel_process_fatal_signals_total",
    "kernel_memory_stall_duration_seconds",
    "kernel_memory_oom_kills_total",
    "system_paging_faults_total",
    "system_paging_operations_total",
];
