//! What `doctor` prints for people: at most 100 columns, no colours.

use std::fmt::Display;

use super::{Diagnosis, Machine, Part, RungReport, RungState, Status};

/// No line is longer, unless a single word is.
const COLUMNS: usize = 100;

/// Where what is said about something begins.
const VALUES: usize = 28;

/// Longer lists of capabilities are those of an ordinary root.
const MANY: usize = 8;

pub(super) fn text(diagnosis: &Diagnosis) -> String {
    let Diagnosis { version, machine, parts, .. } = diagnosis;
    let mut page = Page::default();
    page.line(&format!("kernel-exporter {version} on Linux {} ({})", machine.kernel, machine.architecture));
    page.heading("privileges");
    privileges(&mut page, machine);
    page.heading("kernel");
    kernel(&mut page, machine);
    page.heading("collectors");
    for part in parts {
        describe(&mut page, part);
    }
    page.line("");
    page.line(&verdict(parts));
    page.0
}

fn privileges(page: &mut Page, machine: &Machine) {
    page.say("user id", machine.uid);
    page.say("capabilities", capabilities(machine));
    page.say("missing capabilities", or_none(&machine.missing_capabilities));
    page.say("no new privileges", yes(machine.no_new_privs));
    page.say("seccomp", known(&machine.seccomp));
    let limit = machine.memlock_limit.map_or("none".to_owned(), |bytes| format!("{bytes} bytes"));
    page.say("limit on locked memory", format!("{limit} (counts before Linux 5.11)"));
    page.say("host's pid namespace", yes(machine.host_pid_namespace));
    page.say("host's user namespace", yes(machine.host_user_namespace));
    page.say("/proc hides", or_none(&machine.proc_hides));
}

fn kernel(page: &mut Page, machine: &Machine) {
    let built = match (machine.btf, machine.built_with_btf) {
        (true, _) => "yes",
        (false, Some(true)) => "no, but the kernel was built with it",
        (false, Some(false)) => "no, the kernel was built without it",
        (false, None) => "no",
    };
    page.say("BTF", built);
    page.say("lockdown", known(&machine.lockdown));
    page.say(
        "security modules",
        machine.security_modules.as_ref().map_or(UNKNOWN.to_owned(), |all| or_none(all)),
    );
    page.say("cgroups", known(&machine.cgroups));
    page.say("cgroup mount", known(&machine.cgroup_mount));
    page.say("tracefs", format!("{} (not needed)", machine.tracefs.as_deref().unwrap_or("not mounted")));
    page.say("bpf_jit_enable", known(&machine.bpf_jit_enable));
    page.say("bpf_stats_enabled", known(&machine.bpf_stats_enabled));
    page.say("unprivileged_bpf_disabled", known(&machine.unprivileged_bpf_disabled));
    page.say("perf_event_paranoid", format!("{} (not needed)", known(&machine.perf_event_paranoid)));
}

fn capabilities(machine: &Machine) -> String {
    let all = &machine.capabilities;
    if all.len() <= MANY { or_none(all) } else { format!("{} of them; the JSON form names them", all.len()) }
}

fn describe<'a>(page: &mut Page, part: &'a Part) {
    let taken = part.rungs.iter().find(|rung| rung.state == RungState::Taken);
    let by = taken.map_or(String::new(), |rung| format!(", by {}", rung.name));
    page.say(&part.name, format!("{}{by}", word(part.status)));
    let runs: Vec<_> =
        part.programs.iter().map(|program| format!("{} {}", program.hook, program.runs)).collect();
    if !runs.is_empty() {
        page.detail("runs", &runs.join(", "));
    }
    // Where less is told because of it, it is the message.
    let refused = |rung: &&RungReport| rung.state == RungState::Refused && part.message.is_none();
    for rung in part.rungs.iter().filter(refused) {
        page.detail("not", &format!("{}: {}", rung.name, rung.why.as_deref().unwrap_or(UNKNOWN)));
    }
    for gap in &part.gaps {
        page.detail("lost", &gap.lost);
        page.detail("why", &gap.message);
        page.detail("fix", &gap.fix);
    }
    let failed = |detail: &'a Option<String>| detail.as_ref().filter(|_| part.gaps.is_empty());
    let details = [
        ("why", failed(&part.message)),
        ("fix", failed(&part.fix)),
        ("limit", part.limit.as_ref()),
        ("unproven", part.remark.as_ref()),
    ];
    for (name, detail) in details {
        if let Some(detail) = detail {
            page.detail(name, detail);
        }
    }
}

fn verdict(parts: &[Part]) -> String {
    let names = |status| {
        let names: Vec<_> =
            parts.iter().filter(|part| part.status == status).map(|part| &*part.name).collect();
        names.join(", ")
    };
    match (names(Status::Failed), names(Status::Degraded)) {
        (failed, degraded) if failed.is_empty() && degraded.is_empty() => {
            "All that the config asks for is measured.".to_owned()
        }
        (failed, degraded) if degraded.is_empty() => format!("Not measured: {failed}."),
        (failed, degraded) if failed.is_empty() => format!("Measured in part: {degraded}."),
        (failed, degraded) => format!("Not measured: {failed}. Measured in part: {degraded}."),
    }
}

fn word(status: Status) -> &'static str {
    match status {
        Status::Ok => "ok",
        Status::Degraded => "degraded",
        Status::Failed => "FAILED",
        Status::Off => "off",
    }
}

const UNKNOWN: &str = "not known";

fn known<T: Display>(fact: &Option<T>) -> String {
    fact.as_ref().map_or(UNKNOWN.to_owned(), ToString::to_string)
}

fn yes(fact: Option<bool>) -> &'static str {
    match fact {
        Some(true) => "yes",
        Some(false) => "no",
        None => UNKNOWN,
    }
}

fn or_none(list: &[String]) -> String {
    if list.is_empty() { "none".to_owned() } else { list.join(" ") }
}

/// What has been written so far.
#[derive(Default)]
struct Page(String);

impl Page {
    fn line(&mut self, line: &str) {
        self.0 += line.trim_end();
        self.0.push('\n');
    }

    fn heading(&mut self, heading: &str) {
        self.line("");
        self.line(heading);
    }

    /// A name, and what is said about it.
    fn say(&mut self, name: &str, value: impl Display) {
        self.wrapped(&format!("  {name:<width$}", width = VALUES - 2), &value.to_string());
    }

    /// A name below what was named last.
    fn detail(&mut self, name: &str, value: &str) {
        self.wrapped(&format!("{:VALUES$}{name:<9}", ""), value);
    }

    /// The text after a first indentation, broken at spaces, and indented as far in the lines that follow.
    fn wrapped(&mut self, first: &str, text: &str) {
        let indentation = " ".repeat(first.len());
        let mut line = first.to_owned();
        // What the kernel and mounts are called is not ours, and must not move the cursor.
        let text = text.replace(char::is_control, " ");
        for word in text.split_whitespace() {
            if line.len() > indentation.len() {
                if line.len() + 1 + word.len() > COLUMNS {
                    self.line(&line);
                    line.clone_from(&indentation);
                } else {
                    line.push(' ');
                }
            }
            line += word;
        }
        self.line(&line);
    }
}
