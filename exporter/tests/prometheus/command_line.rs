//! What the command line promises: exit codes and messages.

use std::{
    fs,
    net::TcpListener,
    process::{Command, Output},
};

use crate::{
    exporter::{Folder, PROGRAM},
    tools::root_folder,
};

fn run(arguments: &[&str]) -> Output {
    Command::new(PROGRAM).args(arguments).output().expect("the exporter starts")
}

fn errors(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn the_documented_config_is_valid() {
    let config = root_folder().join("config.yaml");
    let output = run(&["check", "--config", config.to_str().expect("a path of ours")]);
    assert_eq!(output.status.code(), Some(0), "{}", errors(&output));
}

#[test]
fn a_bad_config_is_refused_before_anything_starts() {
    let folder = Folder::new();
    let config = folder.path().join("config.yaml");
    fs::write(&config, "read_interval: 10s\ncollektors: {}\n").expect("a config");
    for command in ["check", "run"] {
        let output = run(&[command, "--config", config.to_str().expect("a path of ours")]);
        assert_eq!(output.status.code(), Some(2), "{command}");
        let errors = errors(&output);
        assert!(errors.contains("collektors") && errors.contains("config.yaml:2"), "{errors}");
    }
}

#[test]
fn a_port_in_use_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("bound").to_string();
    let output = run(&["run", "--listen", &address]);
    assert_eq!(output.status.code(), Some(1));
    let errors = errors(&output);
    for part in ["cannot listen on", &address, "in use"] {
        assert!(errors.contains(part), "{part:?} is missing in: {errors}");
    }
}
