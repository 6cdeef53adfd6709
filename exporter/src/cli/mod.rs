//! The command line: what it means, and the commands that need no kernel.

mod check;
mod generate;
mod list;
mod man;
mod manual;
mod markdown;

pub use check::check;
pub use generate::Generate;
pub use list::list;

use std::{
    path::{Path, PathBuf},
    sync::LazyLock,
    time::Duration,
};

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::{
    config::{self, Config, ListenAddress, LogFilter, LogFormat, Source, duration},
    server::Web,
};

/// Exit code when something fails while running.
pub const EXIT_FAILED: u8 = 1;

/// Exit code for a command line or a config that can't be used; clap uses the same.
pub const EXIT_USAGE: u8 = 2;

/// The source revision from which this binary was built; `unknown` unless the build sets
/// `KERNEL_EXPORTER_REVISION`.
pub const REVISION: &str = match option_env!("KERNEL_EXPORTER_REVISION") {
    Some(revision) => revision,
    None => "unknown",
};

static VERSION: LazyLock<String> =
    LazyLock::new(|| format!("{} (revision {REVISION})", env!("CARGO_PKG_VERSION")));

/// The whole command line.
#[derive(Clone, Debug, PartialEq, Parser)]
#[command(name = "kernel-exporter", about, long_about = None, version = VERSION.as_str())]
pub struct Cli {
    /// Flags that override the config file; any command takes them.
    #[command(flatten)]
    pub overrides: Overrides,
    /// What to do; [`Command::Run`] if nothing is named.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// Flags that choose the config file and override what is in it.
#[derive(Clone, Debug, Default, PartialEq, Args)]
pub struct Overrides {
    /// Config file [default: /etc/kernel-exporter/config.yaml if it exists]
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Serve metrics on this address, HOST:PORT
    #[arg(long, global = true, value_name = "ADDRESS")]
    pub listen: Option<ListenAddress>,
    /// TLS, users and more, in the format of Prometheus' exporters
    #[arg(long = "web.config.file", global = true, value_name = "FILE")]
    pub web_config_file: Option<String>,
    /// Which messages to write: error, warn, info, debug, trace, off, or a list of TARGET=LEVEL
    #[arg(long, global = true, value_name = "LEVEL")]
    pub log_level: Option<LogFilter>,
    /// How to write messages
    #[arg(long, global = true, value_name = "FORMAT")]
    pub log_format: Option<LogFormat>,
}

/// What to do.
#[derive(Clone, Debug, Default, PartialEq, Subcommand)]
pub enum Command {
    /// Measure and serve metrics until stopped (the default)
    #[default]
    Run,
    /// Validate the config and say what it costs
    Check,
    /// Say what works on this machine with these privileges, what does not, and what to do
    ///
    /// Attaches and detaches every collector of the config. Exits with 0 when all of them measure in full, with
    /// 1 when one does not, with 2 when the config cannot be used.
    Doctor {
        /// How to print it
        #[arg(long, default_value = "text")]
        format: DoctorFormat,
    },
    /// Measure for a moment, print the metrics and exit
    Once {
        /// How to print them
        #[arg(long, default_value = "text")]
        format: OnceFormat,
        /// How long to measure
        #[arg(long, value_name = "DURATION", default_value = "1s", value_parser = duration::parse)]
        wait: Duration,
    },
    /// List all metrics
    List {
        /// How to print them
        #[arg(long, default_value = "table")]
        format: ListFormat,
    },
    /// Print a file that is made of definitions.
    #[command(flatten)]
    Generate(Generate),
}

/// Formats of [`Command::Once`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum OnceFormat {
    /// Prometheus' text format 0.0.4
    Text,
    /// OpenMetrics 1.0
    Openmetrics,
}

/// Formats of [`Command::Doctor`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DoctorFormat {
    /// Lines for people
    Text,
    /// The schema that docs/doctor.md documents
    Json,
}

/// Formats of [`Command::List`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ListFormat {
    /// One line per metric
    Table,
    /// The reference page
    Markdown,
}

impl Overrides {
    /// The config that is in force: the file's, overridden by flags.
    ///
    /// # Errors
    ///
    /// When the file or the web config that it names can't be read or is invalid; the process should then
    /// exit with [`EXIT_USAGE`].
    pub fn config(&self) -> Result<(Source, Config), config::Error> {
        let (source, mut config) = config::load(self.config.as_deref())?;
        self.apply(&mut config);
        if !config.web_config_file.is_empty() {
            Web::check(Path::new(&config.web_config_file))?;
        }
        Ok((source, config))
    }

    /// Where the config is, whether or not there is a file.
    pub fn config_file(&self) -> &Path {
        self.config.as_deref().unwrap_or(Path::new(config::DEFAULT_PATH))
    }

    fn apply(&self, config: &mut Config) {
        if let Some(listen) = &self.listen {
            config.listen.clone_from(listen);
        }
        if let Some(file) = &self.web_config_file {
            config.web_config_file.clone_from(file);
        }
        if let Some(level) = &self.log_level {
            config.log.level.clone_from(level);
        }
        if let Some(format) = self.log_format {
            config.log.format = format;
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;
    use crate::config::DEFAULT_PATH;

    fn parse(arguments: &str) -> Result<Cli, clap::Error> {
        Cli::try_parse_from(std::iter::once("kernel-exporter").chain(arguments.split_whitespace()))
    }

    #[test]
    fn definition_is_consistent() {
        Cli::command().debug_assert();
        let help = Cli::command().render_help().to_string();
        assert!(help.contains(DEFAULT_PATH), "{help}");
    }

    #[test]
    fn runs_unless_told_otherwise() {
        assert_eq!(parse("").map(|cli| cli.command.unwrap_or_default()).ok(), Some(Command::Run));
        assert_eq!(parse("run").map(|cli| cli.command.unwrap_or_default()).ok(), Some(Command::Run));
        assert_eq!(
            parse("once").map(|cli| cli.command.unwrap_or_default()).ok(),
            Some(Command::Once { format: OnceFormat::Text, wait: Duration::from_secs(1) })
        );
        assert_eq!(
            parse("list --format markdown").map(|cli| cli.command.unwrap_or_default()).ok(),
            Some(Command::List { format: ListFormat::Markdown })
        );
    }

    #[test]
    fn flags_override_the_config_before_and_after_the_command() {
        for arguments in [
            "--listen [::1]:1 --log-level debug check --log-format json",
            "check --listen [::1]:1 --log-format json --log-level debug",
        ] {
            let cli = parse(arguments).expect("valid");
            let mut config = Config::default();
            cli.overrides.apply(&mut config);
            assert_eq!(config.listen.as_str(), "[::1]:1");
            assert_eq!(config.log.level.to_string(), "debug");
            assert_eq!(config.log.format, LogFormat::Json);
            assert_eq!(config.limits, Config::default().limits);
        }
    }

    #[test]
    fn bad_command_lines_say_why_and_exit_with_usage() {
        for (arguments, reason) in [
            ("--listen 9985", "add a host: 127.0.0.1 for this machine only"),
            ("--log-level inof", "\"inof\" is no level; did you mean \"info\"?"),
            ("--log-format xml", "possible values: text, json"),
            ("once --wait 10", "add a unit (h, m, s or ms)"),
            ("once --format protobuf", "possible values: text, openmetrics"),
            ("doctor --format yaml", "possible values: text, json"),
            ("chek", "'check'"),
            ("--config", "--config <FILE>"),
        ] {
            let error = parse(arguments).expect_err(arguments);
            assert_eq!(error.exit_code(), i32::from(EXIT_USAGE), "{arguments}");
            assert!(error.to_string().contains(reason), "{arguments}: {error}");
        }
    }

    #[test]
    fn version_tells_the_revision_and_succeeds() {
        let shown = parse("--version").expect_err("clap reports it as an error");
        assert_eq!(shown.exit_code(), 0);
        assert_eq!(
            shown.to_string(),
            format!("kernel-exporter {} (revision {REVISION})\n", env!("CARGO_PKG_VERSION"))
        );
    }
}
