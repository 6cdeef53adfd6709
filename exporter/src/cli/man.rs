//! The manual page, of the command line's definition.

use std::io;

use clap::{Arg, CommandFactory as _};
use clap_mangen::{
    Man,
    roff::{Inline, Roff, bold, italic, roman},
};

use super::{
    Cli,
    manual::{self, about, explained, own_arguments},
};

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
    section(&mut text, "DESCRIPTION", &[manual::DESCRIPTION.to_owned()])?;
    commands(&command).to_writer(&mut text)?;
    page.render_options_section(&mut text)?;
    for (title, paragraphs) in manual::sections() {
        section(&mut text, &title.to_uppercase(), &paragraphs)?;
    }
    section(&mut text, "SEE ALSO", &["bpf(2), capabilities(7), cgroups(7)".to_owned()])?;
    Ok(text)
}

fn section(text: &mut Vec<u8>, title: &str, paragraphs: &[String]) -> io::Result<()> {
    let mut roff = Roff::new();
    roff.control("SH", [title]);
    for paragraph in paragraphs {
        roff.control("PP", []).text([roman(paragraph.as_str())]);
    }
    roff.to_writer(text)
}

/// What the library would only refer to, as pages of their own.
fn commands(command: &clap::Command) -> Roff {
    let mut roff = Roff::new();
    roff.control("SH", ["COMMANDS"]);
    for command in command.get_subcommands().filter(|command| command.get_name() != "help") {
        let own: Vec<&Arg> = own_arguments(command).collect();
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

fn usage(argument: &Arg) -> Vec<Inline> {
    let value = argument.get_value_names().and_then(|names| names.first()).map(ToString::to_string);
    let value = italic(value.unwrap_or_else(|| argument.get_id().as_str().to_uppercase()));
    match argument.get_long() {
        Some(long) => vec![bold(format!("--{long}")), roman(" "), value],
        None => vec![value],
    }
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
