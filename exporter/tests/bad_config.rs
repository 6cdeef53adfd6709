//! The exact text of every kind of error in a config: each `bad-config/NAME.yaml` must be refused with the
//! text of `bad-config/NAME.expected`.
//!
//! `UPDATE_GOLDEN=1 cargo test --test bad_config` writes the expected texts anew; read the difference.

use std::{fs, path::Path};

use kernel_exporter::config::Config;

#[test]
fn every_bad_config_is_refused_with_its_text() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bad-config");
    let update = std::env::var_os("UPDATE_GOLDEN").is_some();
    let mut wrong = Vec::new();
    let mut cases = 0;
    for entry in fs::read_dir(&folder).expect("the folder is there") {
        let path = entry.expect("the folder can be read").path();
        if path.extension().is_none_or(|extension| extension != "yaml") {
            continue;
        }
        cases += 1;
        let name = path.file_name().and_then(|name| name.to_str()).expect("names are text");
        let found = match Config::from_yaml(name, &fs::read(&path).expect("the case can be read")) {
            Ok(config) => panic!("{name} is accepted: {config:?}"),
            Err(error) => format!("{error}\n"),
        };
        let golden = path.with_extension("expected");
        if update {
            fs::write(&golden, &found).expect("the folder can be written");
        }
        let expected = fs::read_to_string(&golden).unwrap_or_default();
        if found != expected {
            wrong.push(format!("{name}\n  expected {expected}  found    {found}"));
        }
    }
    assert!(wrong.is_empty(), "{} of {cases} differ:\n{}", wrong.len(), wrong.join("\n"));
    assert!(cases >= 25, "only {cases} cases in {}", folder.display());
}
