//! Files that are made of definitions, never written by hand: the config's schema, completions, the manual page, and
//! the reference pages of config and command line.

use std::io;

use clap::{CommandFactory as _, Subcommand, ValueEnum};
use clap_complete::Shell;

use super::{Cli, man::man, markdown::markdown};
use crate::config;

/// What to print. None of it needs a config or a kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Subcommand)]
pub enum Generate {
    /// Print the config's JSON schema, for editors
    Schema {
        /// How to print it
        #[arg(long, default_value = "json")]
        format: SchemaFormat,
    },
    /// Print what a shell needs to complete this command line
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Print the manual page, for man -l
    Man {
        /// How to print it
        #[arg(long, default_value = "roff")]
        format: ManFormat,
    },
}

/// Formats of [`Generate::Schema`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SchemaFormat {
    /// JSON Schema, draft 7
    Json,
    /// The reference page
    Markdown,
}

/// Formats of [`Generate::Man`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ManFormat {
    /// What man reads
    Roff,
    /// The reference page
    Markdown,
}

impl Generate {
    /// The file's content.
    ///
    /// # Errors
    ///
    /// Never, as far as is known: all of it is written into memory.
    pub fn text(self) -> io::Result<Vec<u8>> {
        match self {
            Self::Schema { format: SchemaFormat::Json } => {
                Ok(format!("{:#}\n", config::json_schema()).into_bytes())
            }
            Self::Schema { format: SchemaFormat::Markdown } => Ok(config::markdown().into_bytes()),
            Self::Completions { shell } => Ok(completions(shell)),
            Self::Man { format: ManFormat::Roff } => man(),
            Self::Man { format: ManFormat::Markdown } => Ok(markdown().into_bytes()),
        }
    }
}

fn completions(shell: Shell) -> Vec<u8> {
    let mut command = Cli::command();
    let name = command.get_name().to_owned();
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command, &name, &mut script);
    // For bash, clap_complete 4.6 writes the dash in the program's name in one way where a command is chosen, and
    // in another where its flags stand, so that they would not be found.
    String::from_utf8_lossy(&script)
        .replace(&name.replace('-', "__subcmd__"), &name.replace('-', "__"))
        .into_bytes()
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum as _;

    use super::*;

    #[test]
    fn every_shell_learns_every_command() {
        for shell in Shell::value_variants() {
            let script = String::from_utf8(completions(*shell)).expect("scripts are text");
            for subcommand in Cli::command().get_subcommands() {
                assert!(script.contains(subcommand.get_name()), "{shell}: {subcommand}");
            }
        }
    }
}
