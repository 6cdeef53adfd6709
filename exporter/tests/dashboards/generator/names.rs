//! Names of metrics: the catalogue's by their statics, the exporter's own and recorded ones as constants.

use kernel_exporter::catalogue::Metric;

/// A metric by its name in Prometheus.
pub(crate) struct Name(pub(crate) String);

impl From<&Metric> for Name {
    fn from(metric: &Metric) -> Self {
        Self(metric.prometheus_name())
    }
}

impl From<&str> for Name {
    fn from(name: &str) -> Self {
        Self(name.to_owned())
    }
}

/// The exporter's own; a test compares them with what it serves.
pub(crate) mod own {
    pub(crate) const BACKWARD_VALUES: &str = "kernel_exporter_backward_values_total";
    pub(crate) const BUDGET: &str = "kernel_exporter_budget_cores";
    pub(crate) const BUDGET_STEPS: &str = "kernel_exporter_budget_steps_total";
    pub(crate) const BUILD_INFO: &str = "kernel_exporter_build_info";
    pub(crate) const CGROUPS: &str = "kernel_exporter_cgroups";
    pub(crate) const COLLECTOR_CPU: &str = "kernel_exporter_collector_cpu_seconds_total";
    pub(crate) const COLLECTOR_DEGRADED: &str = "kernel_exporter_collector_degraded";
    pub(crate) const COLLECTOR_REASON: &str = "kernel_exporter_collector_reason";
    pub(crate) const COLLECTOR_RUNG: &str = "kernel_exporter_collector_rung_info";
    pub(crate) const COLLECTOR_SHED: &str = "kernel_exporter_collector_shed";
    pub(crate) const COLLECTOR_UP: &str = "kernel_exporter_collector_up";
    pub(crate) const CPU_USAGE: &str = "kernel_exporter_cpu_usage_cores";
    pub(crate) const DROPPED_INCREMENTS: &str = "kernel_exporter_dropped_increments_total";
    pub(crate) const EVENTS_LOST: &str = "kernel_exporter_cgroup_events_lost_total";
    pub(crate) const FAILED_READS: &str = "kernel_exporter_failed_reads_total";
    pub(crate) const FAILURES: &str = "kernel_exporter_failures_total";
    pub(crate) const KUBERNETES_CONTAINERS: &str = "kernel_exporter_kubernetes_containers";
    pub(crate) const KUBERNETES_ERRORS: &str = "kernel_exporter_kubernetes_errors_total";
    pub(crate) const KUBERNETES_PODS: &str = "kernel_exporter_kubernetes_pods";
    pub(crate) const KUBERNETES_SYNCED: &str = "kernel_exporter_kubernetes_synced";
    pub(crate) const LABEL_SETS: &str = "kernel_exporter_label_sets";
    pub(crate) const MAP_BYTES: &str = "kernel_exporter_map_bytes";
    pub(crate) const OTLP_EXPORTS: &str = "kernel_exporter_otlp_exports_total";
    pub(crate) const OTLP_FAILURES: &str = "kernel_exporter_otlp_failures_total";
    pub(crate) const OTLP_QUEUED: &str = "kernel_exporter_otlp_queued_requests";
    pub(crate) const POD_CGROUPS: &str = "kernel_exporter_pod_cgroups";
    pub(crate) const PROCESS_CPU: &str = "process_cpu_seconds_total";
    pub(crate) const PROCESS_FDS: &str = "process_open_fds";
    pub(crate) const PROCESS_MEMORY: &str = "process_resident_memory_bytes";
    pub(crate) const PROGRAM_RUN: &str = "kernel_exporter_program_run_seconds_total";
    pub(crate) const PROGRAM_RUNS: &str = "kernel_exporter_program_runs_total";
    pub(crate) const READ_DURATION: &str = "kernel_exporter_read_duration_seconds";
    pub(crate) const RECURSION_MISSES: &str = "kernel_exporter_program_recursion_misses_total";
    pub(crate) const RELOAD_SUCCESSFUL: &str = "kernel_exporter_config_last_reload_successful";
    pub(crate) const SCRAPE_DURATION: &str = "kernel_exporter_scrape_duration_seconds";
    pub(crate) const SCRAPES_REJECTED: &str = "kernel_exporter_scrapes_rejected_total";
    pub(crate) const SERIES: &str = "kernel_exporter_series";
    pub(crate) const SLOTS: &str = "kernel_exporter_slots";
    pub(crate) const SLOTS_USED: &str = "kernel_exporter_slots_used";
    pub(crate) const STALE: &str = "kernel_exporter_snapshot_stale";
}

/// What `dashboards/rules/recording.yaml` records, for what would be dear on a thousand nodes.
pub(crate) mod recorded {
    pub(crate) const RUN_QUEUE_P99: &str = "instance:kernel_scheduler_run_queue_latency_seconds:p99_rate5m";
    pub(crate) const BLOCK_P99: &str = "instance_device:kernel_block_io_duration_seconds:p99_rate5m";
    pub(crate) const THREAD_TIME: &str = "instance_activity:kernel_thread_time_seconds:rate5m";
    pub(crate) const THREAD_TIME_BY_NAMESPACE: &str = "namespace_activity:kernel_thread_time_seconds:rate5m";
    pub(crate) const RETRANSMITS: &str = "instance:kernel_tcp_retransmits:ratio_rate5m";
}

// Of the collectors with rows; a test compares them with the catalogue.
// tcp
pub(crate) const TCP_CONNECT: &str = "kernel_tcp_connect_duration_seconds";
pub(crate) const TCP_LIFETIME: &str = "kernel_tcp_connection_duration_seconds";
pub(crate) const TCP_RTT: &str = "kernel_tcp_rtt_seconds";
pub(crate) const TCP_OPENS: &str = "kernel_tcp_opens_total";
pub(crate) const TCP_IO: &str = "kernel_tcp_io_bytes_total";
pub(crate) const TCP_RETRANSMITS: &str = "kernel_tcp_retransmits_total";
pub(crate) const TCP_RESETS: &str = "kernel_tcp_resets_total";
pub(crate) const TCP_HOST_OVERFLOWS: &str = "kernel_tcp_host_listen_overflows_total";
pub(crate) const TCP_OVERFLOWS: &str = "kernel_tcp_listen_overflows_total";
// network
pub(crate) const NETWORK_DROPS: &str = "kernel_network_drops_total";
pub(crate) const NETWORK_IO: &str = "system_network_io_bytes_total";
pub(crate) const NETWORK_PACKETS: &str = "system_network_packet_count_total";
pub(crate) const NETWORK_DEVICE_DROPS: &str = "system_network_packet_dropped_total";
pub(crate) const NETWORK_ERRORS: &str = "system_network_errors_total";
pub(crate) const SOFTNET_PACKETS: &str = "kernel_network_softnet_packets_total";
pub(crate) const SOFTNET_DROPS: &str = "kernel_network_softnet_drops_total";
pub(crate) const SOFTNET_SQUEEZES: &str = "kernel_network_softnet_squeezes_total";
// lifecycle
pub(crate) const PROCESSES_CREATED: &str = "system_process_created_total";
pub(crate) const EXECS: &str = "kernel_process_execs_total";
pub(crate) const EXITS: &str = "kernel_process_exits_total";
pub(crate) const FATAL_SIGNALS: &str = "kernel_process_fatal_signals_total";
// memory
pub(crate) const MEMORY_STALLS: &str = "kernel_memory_stall_duration_seconds";
pub(crate) const OOM_KILLS: &str = "kernel_memory_oom_kills_total";
pub(crate) const PAGING_FAULTS: &str = "system_paging_faults_total";
pub(crate) const PAGING_OPERATIONS: &str = "system_paging_operations_total";
