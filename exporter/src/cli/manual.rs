//! What the manual says beyond the command line's definition, for the manual page and the reference alike.

use clap::{Arg, Command, builder::StyledStr};

use super::{EXIT_FAILED, EXIT_USAGE};
use crate::config::DEFAULT_PATH;

/// What the program does.
pub(super) const DESCRIPTION: &str = "Loads BPF programs that aggregate latency histograms and per-process counters \
     inside the kernel, reads their maps at every scrape, and serves them to Prometheus at /metrics. Needs CAP_BPF and \
     CAP_PERFMON, and Linux 5.10 or later with BTF.";

/// A section: its title, and its paragraphs.
pub(super) type Section = (&'static str, Vec<String>);

/// What follows the commands and their options.
pub(super) fn sections() -> [Section; 3] {
    let exit = format!(
        "0 if all went well, {EXIT_FAILED} if something failed while running, {EXIT_USAGE} for a command line or a \
         config that cannot be used; starting again would not help with the latter."
    );
    let environment = [
        "NODE_NAME: the node's name in the cluster, unless the config names it.",
        "OTEL_EXPORTER_OTLP_*, OTEL_METRIC_*, OTEL_SERVICE_NAME, OTEL_RESOURCE_ATTRIBUTES: push by OTLP, as \
         OpenTelemetry's specification has it.",
        "NOTIFY_SOCKET, WATCHDOG_USEC, LISTEN_FDS: set by the service manager; see sd_notify(3) and \
         sd_listen_fds(3).",
    ];
    [
        ("Exit status", vec![exit]),
        ("Environment", environment.map(str::to_owned).to_vec()),
        ("Files", vec![format!("{DEFAULT_PATH}: the config, if no other is named.")]),
    ]
}

/// What only this command takes.
pub(super) fn own_arguments(command: &Command) -> impl Iterator<Item = &Arg> {
    command.get_arguments().filter(|argument| !argument.is_global_set() && !is_built_in(argument))
}

/// Those that any program has.
pub(super) fn is_built_in(argument: &Arg) -> bool {
    matches!(argument.get_id().as_str(), "help" | "version")
}

/// What an argument is for, what it may be, and what it is when it is not given.
pub(super) fn explained(argument: &Arg) -> String {
    let mut text = format!("{}.", about(argument.get_help()));
    let values = argument.get_possible_values();
    if !values.is_empty() {
        let names: Vec<&str> = values.iter().map(|value| value.get_name()).collect();
        text += &format!(" One of: {}.", names.join(", "));
    }
    if let Some(default) = argument.get_default_values().first() {
        text += &format!(" Default: {}.", default.to_string_lossy());
    }
    text
}

/// A text of the definition; nothing where there is none.
pub(super) fn about(text: Option<&StyledStr>) -> String {
    text.map(ToString::to_string).unwrap_or_default()
}
