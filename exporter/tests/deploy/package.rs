//! The Debian package, built by cargo-deb and installed into an empty root.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    program, statically, text,
    tools::{or_skip, root_folder},
};

/// What is in the package besides folders, with its mode.
const FILES: &[(&str, u32)] = &[
    ("etc/kernel-exporter/config.yaml", 0o644),
    ("usr/bin/kernel-exporter", 0o755),
    ("usr/lib/systemd/system/kernel-exporter.service", 0o644),
    ("usr/lib/systemd/system/kernel-exporter.service.d/package.conf", 0o644),
    ("usr/lib/sysusers.d/kernel-exporter.conf", 0o644),
    ("usr/share/bash-completion/completions/kernel-exporter", 0o644),
    ("usr/share/doc/kernel-exporter/LICENSE-APACHE", 0o644),
    ("usr/share/doc/kernel-exporter/README.md", 0o644),
    ("usr/share/doc/kernel-exporter/copyright", 0o644),
    ("usr/share/doc/kernel-exporter/examples/kernel-exporter.socket", 0o644),
    ("usr/share/doc/kernel-exporter/examples/web-config.yml", 0o644),
    ("usr/share/fish/vendor_completions.d/kernel-exporter.fish", 0o644),
    ("usr/share/man/man8/kernel-exporter.8.gz", 0o644),
    ("usr/share/zsh/vendor-completions/_kernel-exporter", 0o644),
];

/// An empty root with what dpkg needs, gone when dropped.
struct Root(PathBuf);

impl Root {
    fn new() -> Self {
        let root = root_folder().join("target/tmp").join(crate::harness::unique("root"));
        for folder in ["var/lib/dpkg/info", "var/lib/dpkg/updates", "etc"] {
            fs::create_dir_all(root.join(folder)).expect("target can be written");
        }
        fs::write(root.join("var/lib/dpkg/status"), "").expect("target can be written");
        Self(root.canonicalize().expect("it was made"))
    }

    /// What a command says that is to succeed.
    fn said(command: &mut Command) -> String {
        let output = command.output().expect("it starts");
        let said = [output.stdout, output.stderr].concat();
        assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&said));
        String::from_utf8_lossy(&said).into_owned()
    }
}

impl Drop for Root {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn it_installs_what_a_host_needs() {
    let dpkg = or_skip!(program("dpkg"));
    or_skip!(program("cargo-deb"));
    or_skip!(crate::tools::root());
    statically::linked();
    statically::run("scripts/deb.sh", &["--linked"]);
    let built = fs::read_dir(root_folder().join("target/debian")).expect("it was built").flatten();
    let package = built.map(|entry| entry.path()).next().expect("one package");
    println!("the package: {:.1} MB", fs::metadata(&package).expect("a file").len() as f64 / 1e6);

    let root = Root::new();
    // Scripts of the package run on this machine, told by DPKG_ROOT where to work; they may write nowhere else, and
    // see no systemd that runs.
    let install = format!(
        "mount --make-rprivate / && mount --bind {root} {root} && mount -o remount,bind,ro / && \
         mount -t tmpfs tmpfs /run && exec {dpkg} --root={root} --force-script-chrootless --force-depends \
         --log=/dev/null --install {package}",
        root = root.0.display(),
        dpkg = dpkg.display(),
        package = package.canonicalize().expect("it is there").display(),
    );
    Root::said(Command::new("unshare").args(["--mount", "sh", "-euc", &install]));

    let mut installed = Vec::new();
    files_below(&root.0, "", &mut installed);
    for (path, mode) in FILES {
        let file = fs::metadata(root.0.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
        assert_eq!(file.permissions().mode() & 0o7777, *mode, "{path}");
    }
    let examples = "usr/share/doc/kernel-exporter/examples/prometheus-";
    installed.retain(|path| path.starts_with("usr/") && !path.starts_with(examples));
    installed.sort_unstable();
    let expected: Vec<&str> =
        FILES.iter().map(|(path, _)| *path).filter(|path| path.starts_with("usr/")).collect();
    assert_eq!(installed, expected);

    let read = |path: &str| fs::read_to_string(root.0.join(path)).expect(path);
    assert_eq!(read("etc/kernel-exporter/config.yaml"), text("config.yaml"));
    assert!(read("etc/passwd").contains("kernel-exporter:"), "{}", read("etc/passwd"));
    // Enabled for the next boot.
    let wants = root.0.join("etc/systemd/system/multi-user.target.wants/kernel-exporter.service");
    assert!(fs::symlink_metadata(wants).is_ok());
    let status = read("var/lib/dpkg/status");
    assert!(status.contains("Conffiles:\n /etc/kernel-exporter/config.yaml"), "{status}");
    assert!(status.contains("Status: install ok installed"), "{status}");

    let binary = root.0.join("usr/bin/kernel-exporter");
    let config = root.0.join("etc/kernel-exporter/config.yaml");
    Root::said(Command::new(binary).arg("check").arg("--config").arg(config));
    unit_is_understood(&root.0);
}

/// Names of files below a folder, without a leading slash.
fn files_below(folder: &Path, prefix: &str, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        match entry.file_type().expect("it is there").is_dir() {
            true => files_below(&entry.path(), &format!("{name}/"), found),
            false => found.push(name),
        }
    }
}

/// The unit with what the package changes, judged by systemd.
fn unit_is_understood(root: &Path) {
    let Ok(analyze) = program("systemd-analyze") else { return };
    let units = root.join("usr/lib/systemd/system");
    let change = units.join("kernel-exporter.service.d/package.conf");
    let changed = fs::read_to_string(&change).expect("a file");
    let binary = root.join("usr/bin/kernel-exporter");
    fs::write(change, changed.replace("/usr/bin/kernel-exporter", &binary.to_string_lossy()))
        .expect("written");
    let unit = units.join("kernel-exporter.service");
    let output = Command::new(analyze).args(["verify", "--man=no"]).arg(unit).output().expect("it starts");
    let said = String::from_utf8_lossy(&output.stderr);
    // Systemd before 253 ignores notify-reload; the program is not where the unit without the change says.
    let known = ["ignoring: notify-reload", "/usr/local/bin/kernel-exporter is not executable"];
    let complaints: Vec<_> =
        said.lines().filter(|line| !known.iter().any(|known| line.contains(known))).collect();
    assert!(complaints.is_empty(), "{said}");
}
