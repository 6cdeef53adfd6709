//! The pages and files in `docs/` that the program prints itself.

use std::{fs, process::Command};

use crate::{BINARY, tools::root_folder};

/// Each file, and what prints it.
const PRINTED: [(&str, &[&str]); 4] = [
    ("docs/metrics.md", &["list", "--format", "markdown"]),
    ("docs/config.md", &["schema", "--format", "markdown"]),
    ("docs/config.schema.json", &["schema"]),
    ("docs/cli.md", &["man", "--format", "markdown"]),
];

/// `make docs` writes them anew: this test, with `UPDATE_GOLDEN=1`.
#[test]
fn they_are_what_the_program_prints() {
    for (file, arguments) in PRINTED {
        let output = Command::new(BINARY).args(arguments).output().expect("the program starts");
        assert!(output.status.success() && output.stderr.is_empty(), "{arguments:?}: {output:?}");
        let path = root_folder().join(file);
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            fs::write(&path, &output.stdout).expect("the folder of documents");
        }
        let committed = fs::read(&path).unwrap_or_default();
        assert!(committed == output.stdout, "{file} is not what {arguments:?} prints; run `make docs`");
    }
}
