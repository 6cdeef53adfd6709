//! Which files are valid, and what is said about those that are not: each `bad-web-config/NAME.yml` must be
//! refused with the text of `bad-web-config/NAME.expected`, and each `web-config/NAME.yml` be accepted;
//! promtool must agree, unless the first line says why it does not.
//!
//! `UPDATE_GOLDEN=1 cargo test --test web files` writes the expected texts anew; read the difference.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use kernel_exporter::{server::Web, web_config::WebConfig};
use proptest::prelude::*;

use crate::authority::{Authority, Folder};

const EXAMPLE: &str = include_str!("../../../deploy/web-config.yml");

/// The files of a folder below `tests`, sorted, with their content.
fn cases(folder: &str) -> Vec<(PathBuf, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(folder);
    let paths =
        fs::read_dir(folder).expect("the folder is there").map(|entry| entry.expect("readable").path());
    let mut paths: Vec<_> = paths.filter(|path| path.extension().is_some_and(|end| end == "yml")).collect();
    paths.sort();
    paths.into_iter().map(|path| (path.clone(), fs::read_to_string(path).expect("text"))).collect()
}

/// A folder with all files that the cases name.
fn folder() -> Folder {
    let (folder, authority) = (Folder::new(), Authority::new());
    folder.write("ca.crt", &authority.pem());
    for name in ["server", "tls", "other"] {
        authority.issue("localhost").write(&folder, name);
    }
    folder
}

/// Prometheus' own tool, of version 3.
fn promtool() -> Option<PathBuf> {
    let fetched = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.cache/prometheus/usr/bin");
    let path = env::var_os("PATH").unwrap_or_default();
    let tools = [fetched].into_iter().chain(env::split_paths(&path)).map(|folder| folder.join("promtool"));
    let found = tools.filter(|tool| tool.is_file()).find(|tool| {
        let version = Command::new(tool).arg("--version").output();
        version.is_ok_and(|version| String::from_utf8_lossy(&version.stdout).contains("version 3."))
    });
    if found.is_none() {
        println!("SKIPPED: no promtool 3 here; scripts/setup.sh test fetches it");
    }
    found
}

fn promtool_accepts(promtool: &Path, file: &Path) -> bool {
    let output = Command::new(promtool).args(["check", "web-config"]).arg(file).output();
    output.expect("promtool starts").status.success()
}

#[test]
fn every_bad_file_is_refused_with_its_text() {
    let folder = folder();
    let update = env::var_os("UPDATE_GOLDEN").is_some();
    let prefix = format!("{}/", folder.path("").display().to_string().trim_end_matches('/'));
    let mut wrong = Vec::new();
    for (path, text) in cases("bad-web-config") {
        let name = path.file_name().and_then(|name| name.to_str()).expect("names are text");
        folder.write(name, &text);
        let found = match Web::check(&folder.path(name)) {
            Ok(summary) => panic!("{name} is accepted: {summary}"),
            Err(error) => format!("{error}\n").replace(&prefix, ""),
        };
        assert!(
            !found.contains("secret") && !found.contains("12345678") && !found.contains("$2y$10"),
            "{found}"
        );
        let golden = path.with_extension("expected");
        if update {
            fs::write(&golden, &found).expect("the folder can be written");
        }
        let expected = fs::read_to_string(&golden).unwrap_or_default();
        if found != expected {
            wrong.push(format!("{name}\n  expected {expected}  found    {found}"));
        }
    }
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn promtool_refuses_the_bad_files_too() {
    let (Some(promtool), folder) = (promtool(), folder()) else { return };
    for (path, text) in cases("bad-web-config") {
        let name = path.file_name().and_then(|name| name.to_str()).expect("names are text");
        folder.write(name, &text);
        let expected = text.starts_with("# promtool accepts this: ");
        assert_eq!(promtool_accepts(&promtool, &folder.path(name)), expected, "{name}");
    }
}

#[test]
fn promtool_and_we_accept_the_good_files_and_the_example() {
    let folder = folder();
    let promtool = promtool();
    let example = (PathBuf::from("example.yml"), EXAMPLE.to_owned());
    let commented = EXAMPLE.replace("  # client_", "  client_");
    assert_eq!(commented.matches("  client_").count(), 3);
    let commented = (PathBuf::from("example-with-comments.yml"), commented);
    for (path, text) in cases("web-config").into_iter().chain([example, commented]) {
        let name = path.file_name().and_then(|name| name.to_str()).expect("names are text");
        folder.write(name, &text);
        let file = folder.path(name);
        Web::check(&file).unwrap_or_else(|error| panic!("{error}"));
        assert!(promtool.as_ref().is_none_or(|promtool| promtool_accepts(promtool, &file)), "{name}");
    }
    let config = WebConfig::from_yaml("example.yml", EXAMPLE.as_bytes()).expect("valid");
    let hash = config.basic_auth_users.get("prometheus").expect("a user");
    assert!(hash.is_of(b"change-me") && !hash.is_of(b"change-you"));
}

#[test]
fn a_file_is_summed_up_in_a_line() {
    let folder = folder();
    for (text, expected) in
        [("{}", "no TLS, no users"), (EXAMPLE, "TLS, 1 user, a request per 100ms with bursts of 40")]
    {
        folder.write("web.yml", text);
        assert_eq!(Web::check(&folder.path("web.yml")).expect("valid"), expected);
    }
}

#[test]
fn nothing_secret_is_shown() {
    let secrets = "tls_server_config: {cert: certificate, key: hush}\nbasic_auth_users: {alice: \
                   $2y$10$X0h1gDsPszWURQaxFh.zoubFi6DXncSjhoQNJgRrnGs7EsimhC7zG}\n";
    let config = WebConfig::from_yaml("web.yml", secrets.as_bytes()).expect("valid");
    let shown = format!("{config:?}");
    assert!(!shown.contains("hush") && !shown.contains("$2y$"), "{shown}");
}

/// Whatever is wrong, it is said on one line that begins with the file's name.
fn is_one_line(text: &[u8]) -> bool {
    WebConfig::from_yaml("web.yml", text)
        .err()
        .map(|error| error.to_string())
        .is_none_or(|error| error.starts_with("web.yml:") && !error.contains(char::is_control))
}

proptest! {
    #[test]
    fn any_bytes_are_accepted_or_explained(bytes: Vec<u8>) {
        prop_assert!(is_one_line(&bytes));
    }

    /// Near misses come further than random bytes: the example with a few bytes replaced.
    #[test]
    fn any_damage_is_accepted_or_explained(
        at: prop::sample::Index,
        length in 0..20_usize,
        damage in prop_oneof![any::<Vec<u8>>(), "[a-z:,\\[\\]{}&*! \n0-9-]{0,8}".prop_map(String::into_bytes)],
    ) {
        let mut bytes = EXAMPLE.as_bytes().to_vec();
        let start = at.index(bytes.len());
        let end = (start + length).min(bytes.len());
        bytes.splice(start..end, damage);
        prop_assert!(is_one_line(&bytes));
    }
}
