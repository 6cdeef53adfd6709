//! Both forms byte by byte, for a machine that has everything that is hard to say. `UPDATE_GOLDEN=1 cargo test
//! --test doctor golden` writes the files anew; look at the difference.

use std::{env, fs, path::Path};

use kernel_exporter::doctor::{
    Diagnosis, Gap, Machine, Part, Program, RungReport, RungState, SCHEMA, Status,
};

fn diagnosis() -> Diagnosis {
    Diagnosis {
        schema: SCHEMA,
        version: "1.2.3".to_owned(),
        healthy: false,
        machine: Machine {
            kernel: "6.1.0-37-cloud-amd64".to_owned(),
            architecture: "x86_64".to_owned(),
            uid: 65_534,
            capabilities: vec!["CAP_PERFMON".to_owned(), "CAP_BPF".to_owned()],
            no_new_privs: Some(true),
            seccomp: Some("filter".to_owned()),
            memlock_limit: Some(8 << 20),
            btf: true,
            lockdown: Some("confidentiality".to_owned()),
            security_modules: Some(vec!["lockdown".to_owned(), "capability".to_owned()]),
            unprivileged_bpf_disabled: Some(2),
            cgroups: Some("v2".to_owned()),
            cgroup_mount: Some("/sys/fs/cgroup\n\u{1b}[31m".to_owned()),
            host_pid_namespace: Some(false),
            proc_hides: vec!["hidepid=invisible".to_owned()],
            ..Machine::default()
        },
        parts: vec![
            Part {
                limit: Some("threads beyond 32,768 are not followed".to_owned()),
                programs: vec![program("sched_switch", 123), program("task_newtask", 0)],
                rungs: vec![
                    rung("tp_btf+task_storage", RungState::Refused, Some("this kernel has no task storage")),
                    rung("tp_btf+pid_hash", RungState::Taken, None),
                ],
                ..part("scheduler", Status::Ok)
            },
            part("process", Status::Off),
            Part {
                reason: Some("lockdown".to_owned()),
                message: Some(
                    "the kernel refuses program `block_rq_complete`: Invalid argument (os error 22): "
                        .repeat(2),
                ),
                fix: Some("boot without lockdown=confidentiality".to_owned()),
                rungs: vec![rung("tp_btf", RungState::NotTried, None)],
                ..part("block_io", Status::Failed)
            },
            Part {
                reason: Some("lockdown".to_owned()),
                message: Some("the kernel refuses program `cgroup_mkdir`".to_owned()),
                fix: Some("boot without lockdown=confidentiality".to_owned()),
                lost: Some("names of cgroups that live less than a minute".to_owned()),
                gaps: vec![Gap {
                    lost: "names of cgroups that live less than a minute".to_owned(),
                    reason: "lockdown".to_owned(),
                    message: "the kernel refuses program `cgroup_mkdir`".to_owned(),
                    fix: "boot without lockdown=confidentiality".to_owned(),
                }],
                rungs: vec![
                    rung("tp_btf", RungState::Refused, Some("the kernel refuses program `cgroup_mkdir`")),
                    rung("walk", RungState::Taken, None),
                ],
                ..part("cgroup_events", Status::Degraded)
            },
        ],
    }
}

fn part(name: &str, status: Status) -> Part {
    Part::new(name, status, &[])
}

fn rung(name: &str, state: RungState, why: Option<&str>) -> RungReport {
    RungReport { name: name.to_owned(), needs: "BTF".to_owned(), state, why: why.map(str::to_owned) }
}

fn program(name: &str, runs: u64) -> Program {
    Program { name: name.to_owned(), hook: name.to_owned(), runs }
}

#[test]
fn golden_text_and_json() {
    let diagnosis = diagnosis();
    let text = diagnosis.text();
    compare("doctor.txt", include_str!("../golden/doctor.txt"), &text);
    assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
    assert!(!text.contains('\u{1b}'), "what mounts are called does not reach the terminal as it is");
    let json = diagnosis.json().expect("it can be written");
    compare("doctor.json", include_str!("../golden/doctor.json"), &json);
}

#[track_caller]
fn compare(name: &str, golden: &str, shown: &str) {
    if env::var_os("UPDATE_GOLDEN").is_some() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
        fs::write(path, shown).expect("the source tree can be written");
    } else {
        assert_eq!(golden, shown, "{name}");
    }
}
