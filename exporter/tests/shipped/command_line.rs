//! Completions and the manual page, judged by the programs that they are for.

use std::process::Command;

use crate::{
    BINARY, program,
    tools::{fed, or_skip},
};

fn printed(arguments: &[&str]) -> Vec<u8> {
    // A config that cannot be used is no reason not to print it.
    let output = Command::new(BINARY).args(["--config", "/dev/null/none"]).args(arguments).output();
    let output = output.expect("the program starts");
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    output.stdout
}

#[test]
fn bash_completes_commands_and_values() {
    let bash = or_skip!(program("bash"));
    for (words, expected) in [
        (&["sch"][..], "schema"),
        (&["--log-format", ""], "text json"),
        (&["once", "--format", "o"], "openmetrics"),
        (&["completions", "z"], "zsh"),
        (&["check", "--conf"], "--config"),
    ] {
        let last = words.last().expect("a word");
        let script = format!(
            "source /dev/stdin; COMP_WORDS=(kernel-exporter {words}); COMP_CWORD={count}\n\
             _kernel__exporter kernel-exporter '{last}' '{before}'; echo \"${{COMPREPLY[*]}}\"",
            words = words.iter().map(|word| format!("'{word}' ")).collect::<String>(),
            count = words.len(),
            before = words.iter().rev().nth(1).unwrap_or(&"kernel-exporter"),
        );
        let mut bash = Command::new(&bash);
        bash.args(["--norc", "-euc", &script]);
        let (completed, _) = fed(&mut bash, &printed(&["completions", "bash"]));
        assert_eq!(completed.trim(), expected, "{words:?}");
    }
}

#[test]
fn every_other_shell_accepts_its_script() {
    for (shell, check) in [("zsh", "-n"), ("fish", "--no-execute"), ("elvish", "-compileonly")] {
        let script = printed(&["completions", shell]);
        assert!(!script.is_empty());
        // They are not part of a bare system, and bash has been tried.
        if let Ok(program) = program(shell) {
            let (said, accepted) = fed(Command::new(program).args([check, "/dev/stdin"]), &script);
            assert!(accepted, "{shell}: {said}");
        }
    }
    assert!(!printed(&["completions", "powershell"]).is_empty());
}

#[test]
fn the_manual_page_is_formatted_without_a_complaint() {
    let page = printed(&["man"]);
    let groff = or_skip!(program("groff"));
    let (said, accepted) = fed(Command::new(groff).args(["-ww", "-b", "-man", "-z", "-Tutf8"]), &page);
    assert!(accepted && said.is_empty(), "{said}");
    if let Ok(mandoc) = program("mandoc") {
        let (said, accepted) = fed(Command::new(mandoc).args(["-T", "lint", "-W", "error"]), &page);
        assert!(accepted, "{said}");
    }
}
