//! The manual page, of the command line's definition.

use std::io;

use clap::{Arg, CommandFactory as _};
use clap_mangen::{
    Man,
    roff::{Inline, Roff, bold, italic, roman},
};

use super::{Cli, EXIT_FAILED, EXIT_USAGE};
use crate::config::DEFAULT_PATH;

/// kernel-exporter(8) in roff.
///
/// # Errors
///
/// Never: memory takes every byte.
pub(super) fn man() -> io::Result<Vec<u8>> {
    let mut command = Cli::command();
    command.build();
    let page = Man::new(command.clone()).section("8");
    let mut text = Vec::new();
    page.render_title(&mut text)?;
    page.render_name_section(&mut text)?;
    page.render_synopsis_section(&mut text)?;
    section(
        &mut text,
        "DESCRIPTION",
        &[
            "Loads BPF programs that aggregate latency histograms and per-process counters inside the kernel, reads \
         their maps at every scrape, and serves them to Prometheus at /metrics. Needs CAP_BPF and CAP_PERFMON, and \
         Linux 5.10 or later with BTF.",
        ],
    )?;
    commands(&command).to_writer(&mut text)?;
    page.render_options_section(&mut text)?;
    let exit = format!(
        "0 if all went well, {EXIT_FAILED} if something failed while running, {EXIT_USAGE} for a command line or a \
         config that cannot be used; starting again would not help with the latter."
    );
    section(&mut text, "EXIT STATUS", &[&exit])?;
    section(
        &mut text,
        "ENVIRONMENT",
        &[
            "NODE_NAME: the node's name in the cluster, unless the config names it.",
            "OTEL_EXPORTER_OTLP_*, OTEL_METRIC_*, OTEL_SERVICE_NAME, OTEL_RESOURCE_ATTRIBUTES: push by OTLP, as \
         OpenTelemetry's specification has it.",
            "NOTIFY_SOCKET, WATCHDOG_USEC, LISTEN_FDS: set by the service manager; see sd_notify(3) and \
         sd_listen_fds(3).",
        ],
    )?;
    section(&mut text, "FILES", &[&format!("{DEFAULT_PATH}: the config, if no other is named.")])?;
    section(&mut text, "SEE ALSO", &["bpf(2), capabilities(7), cgroups(7)"])?;
    Ok(text)
}

fn section(text: &mut Vec<u8>, title: &str, paragraphs: &[&str]) -> io::Result<()> {
    let mut roff = Roff::new();
    roff.control("SH", [title]);
    for paragraph in paragraphs {
        roff.control("PP", []).text([roman(*paragraph)]);
    }
    roff.to_writer(text)
}

/// What the library would only refer to, as pages of their own.
fn commands(command: &clap::Command) -> Roff {
    let mut roff = Roff::new();
    roff.control("SH", ["COMMANDS"]);
    for command in command.get_subcommands().filter(|command| command.get_name() != "help") {
        let own: Vec<&Arg> = command
            .get_arguments()
            .filter(|argument| !argument.is_global_set() && !is_built_in(argument))
            .collect();
        let mut synopsis = vec![bold(command.get_name())];
        for argument in &own {
            synopsis.push(roman(" "));
            synopsis.extend(usage(argument));
        }
        roff.control("TP", []).text(synopsis);
        roff.text([roman(format!("{}.", about(command.get_about())))]);
        for argument in own {
            roff.control("RS", []).control("TP", []).text(usage(argument));
            roff.text([roman(explained(argument))]).control("RE", []);
        }
    }
    roff
}

/// Those that any program has.
fn is_built_in(argument: &Arg) -> bool {
    matches!(argument.get_id().as_str(), "help" | "version")
}

fn usage(argument: &Arg) -> Vec<Inline> {
    let value = argument.get_value_names().and_then(|names| names.first()).map(ToString::to_string);
    let value = italic(value.unwrap_or_else(|| argument.get_id().as_str().to_uppercase()));
    match argument.get_long() {
        Some(long) => vec![bold(format!("--{long}")), roman(" "), value],
        None => vec![value],
    }
}

fn explained(argument: &Arg) -> String {
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

fn about(text: Option<&clap::builder::StyledStr>) -> String {
    text.map(ToString::to_string).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_tells_of_every_command_and_flag() {
        let page = String::from_utf8(man().expect("memory takes every byte")).expect("text");
        let plain = page.replace("\\-", "-");
        let command = Cli::command();
        for subcommand in command.get_subcommands() {
            assert!(
                plain.contains(&format!("\\fB{}\\fR", subcommand.get_name())),
                "{subcommand} is not in\n{page}"
            );
        }
        for flag in command.get_subcommands().chain([&command]).flat_map(clap::Command::get_arguments) {
            let long = flag.get_long().map(|long| format!("--{long}"));
            assert!(long.is_none_or(|long| plain.contains(&long)), "{flag} is not in\n{page}");
        }
    }
}
