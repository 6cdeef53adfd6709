//! Builds the BPF objects, or takes ready ones from the directory that `KERNEL_EXPORTER_BPF_OBJECTS` names.
//!
//! The BPF crate is for another target, so it needs a compiler that has a `core` for it: any rustc with the
//! rust-src component builds one, and Debian packages a rustc with a prebuilt one. Neither needs nightly.

use std::{
    env,
    error::Error,
    fs,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

use object::{
    build::elf::{Builder, SectionData},
    elf::SHT_STRTAB,
};

/// Kernel target of all objects.
const TARGET: &str = "bpfel-unknown-none";

/// (name of the object, binary of the BPF crate, features)
const OBJECTS: &[(&str, &str, &str)] = &[
    ("sched-task-storage", "sched", "task-storage"),
    ("sched-pid-hash", "sched", ""),
    ("block", "block", ""),
    ("cgroup", "cgroup", ""),
    ("interrupts", "interrupts", ""),
    ("lifecycle", "lifecycle", ""),
    ("network", "network", ""),
    ("memory", "memory", ""),
    ("tcp", "tcp", ""),
    ("syscalls-task-storage", "syscalls", "task-storage"),
    ("syscalls-thread-hash", "syscalls", ""),
    ("filesystem-task-storage", "filesystem", "task-storage"),
    ("filesystem-thread-hash", "filesystem", ""),
    ("selftest", "selftest", ""),
];

fn main() -> ExitCode {
    println!("cargo::rerun-if-env-changed=KERNEL_EXPORTER_BPF_OBJECTS");
    println!("cargo::rerun-if-changed=../exporter-ebpf/src");
    println!("cargo::rerun-if-changed=../exporter-ebpf/Cargo.toml");
    println!("cargo::rerun-if-changed=../exporter-common/src");
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    let result = match env::var_os("KERNEL_EXPORTER_BPF_OBJECTS") {
        Some(ready) => copy_ready(Path::new(&ready), &out),
        None => build(&out),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            for line in message.lines() {
                println!("cargo::error={line}");
            }
            ExitCode::FAILURE
        }
    }
}

fn copy_ready(ready: &Path, out: &Path) -> Result<(), String> {
    for (name, ..) in OBJECTS {
        let file = ready.join(format!("{name}.o"));
        println!("cargo::rerun-if-changed={}", file.display());
        fs::copy(&file, out.join(format!("{name}.o")))
            .map_err(|e| format!("KERNEL_EXPORTER_BPF_OBJECTS: cannot copy {}: {e}", file.display()))?;
    }
    Ok(())
}

fn build(out: &Path) -> Result<(), String> {
    let compiler = Compiler::find()?;
    let has_linker = Command::new("bpf-linker").arg("--version").output().is_ok_and(|o| o.status.success());
    if !has_linker {
        return Err("bpf-linker is not installed or does not run\n\
                    `make build` installs it; by hand: cargo install bpf-linker --version 0.10.3 --locked"
            .to_owned());
    }
    for features in ["task-storage", ""] {
        // A target directory per feature set, so that neither build replaces the other's binaries.
        let target_dir = out.join(if features.is_empty() { "bpf" } else { features });
        let wanted = OBJECTS.iter().filter(|(.., needed)| *needed == features);
        compiler.build(&target_dir, features, wanted.clone().map(|(_, binary, _)| *binary))?;
        for (name, binary, _) in wanted {
            let object = target_dir.join(TARGET).join("release").join(binary);
            let take = || -> Result<(), Box<dyn Error>> {
                let smaller = without_debug_info(&fs::read(&object)?)?;
                Ok(fs::write(out.join(format!("{name}.o")), smaller)?)
            };
            take().map_err(|e| format!("cannot take {}: {e}", object.display()))?;
        }
    }
    Ok(())
}

/// The same object without what only debuggers read, which is most of it: it would be part of the binary, and be read whenever
/// the object is loaded. The kernel's own type information, BTF, is made from it and stays.
fn without_debug_info(object: &[u8]) -> object::build::Result<Vec<u8>> {
    let mut parts = Builder::read64(object)?;
    for section in &mut parts.sections {
        section.delete =
            [&b".debug_"[..], b".rel.debug_"].iter().any(|begin| section.name.starts_with(begin));
    }
    // The linker keeps all names in one table; here those of sections have their own.
    let names = parts.sections.add();
    names.name = b".shstrtab"[..].into();
    names.sh_type = SHT_STRTAB;
    names.data = SectionData::SectionString;
    let mut smaller = Vec::new();
    parts.write(&mut smaller)?;
    Ok(smaller)
}

/// A rustc that can compile for BPF.
struct Compiler {
    rustc: PathBuf,
    /// `core` is not there ready-made but as source.
    build_core: bool,
}

impl Compiler {
    fn find() -> Result<Self, String> {
        let own = env::var_os("RUSTC").map_or_else(|| PathBuf::from("rustc"), PathBuf::from);
        let mut looked_at = String::new();
        for rustc in [own, PathBuf::from("/usr/bin/rustc")] {
            let Some(sysroot) = sysroot(&rustc) else { continue };
            let rustlib = sysroot.join("lib/rustlib");
            if rustlib.join(TARGET).join("lib").exists() {
                return Ok(Self { rustc, build_core: false });
            }
            if rustlib.join("src/rust/library/core/Cargo.toml").exists() {
                return Ok(Self { rustc, build_core: true });
            }
            looked_at += &format!("looked at {}, sysroot {}\n", rustc.display(), sysroot.display());
        }
        Err(format!(
            "no rustc here can compile for {TARGET}\n{looked_at}\
             `make build` installs one; by hand: rustup component add rust-src, \
             or on Debian 12: apt-get install rustc-web libstd-rust-web-dev-bpf, \
             or set KERNEL_EXPORTER_BPF_OBJECTS to a directory of ready objects"
        ))
    }

    fn build<'a>(
        &self,
        target_dir: &Path,
        features: &str,
        binaries: impl Iterator<Item = &'a str>,
    ) -> Result<(), String> {
        let mut cargo = Command::new(env::var_os("CARGO").expect("cargo sets CARGO"));
        cargo
            .args(["build", "--release", "--locked", "--manifest-path", "../exporter-ebpf/Cargo.toml"])
            .args(["--target", TARGET, "--features", features, "--target-dir"])
            .arg(target_dir)
            .env("RUSTC", &self.rustc)
            // Building core, and naming BPF assembly, are unstable features of a stable compiler.
            .env("RUSTC_BOOTSTRAP", "1")
            // BTF is what the kernel checks typed tracepoints and task storage against.
            .env("CARGO_ENCODED_RUSTFLAGS", "-Clinker=bpf-linker\x1f-Clink-arg=--btf\x1f-Cdebuginfo=2")
            // Wrappers (clippy, coverage) belong to the host's build.
            .env_remove("RUSTC_WRAPPER")
            .env_remove("RUSTC_WORKSPACE_WRAPPER");
        if self.build_core {
            cargo.args(["-Z", "build-std=core"]);
        }
        for binary in binaries {
            cargo.args(["--bin", binary]);
        }
        let output = cargo.output().map_err(|e| format!("cannot run {cargo:?}: {e}"))?;
        if output.status.success() {
            return Ok(());
        }
        Err(format!("building the BPF objects failed\n{}", String::from_utf8_lossy(&output.stderr)))
    }
}

fn sysroot(rustc: &Path) -> Option<PathBuf> {
    let output = Command::new(rustc).args(["--print", "sysroot"]).output().ok()?;
    let path = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| PathBuf::from(path.trim()))
}
