//! What is said about one collector.

use serde::Serialize;

use crate::{
    collectors::Account,
    hooks::rung::{Choice, Rung},
    refusal::Refusal,
};

/// A collector, or the events of cgroups, which feed the names of all collectors.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Part {
    /// The collector's name in the config, or `cgroup_events`.
    pub name: String,
    /// How it stands.
    pub status: Status,
    /// The reason when it does not work in full: the label `reason` of `kernel_exporter_collector_reason`.
    pub reason: Option<String>,
    /// What happened, when it does not work in full.
    pub message: Option<String>,
    /// What to do about it.
    pub fix: Option<String>,
    /// What it does not tell.
    pub lost: Option<String>,
    /// The same with its reasons, where less is told than elsewhere: one entry per reason and advice. `reason`, `message` and
    /// `fix` are the first one's.
    pub gaps: Vec<Gap>,
    /// From which size on it does not tell all.
    pub limit: Option<String>,
    /// What the check could not prove.
    pub remark: Option<String>,
    /// The ways to attach it, best first.
    pub rungs: Vec<RungReport>,
    /// Its BPF programs, if they are attached. Collectors of one hook family share them.
    pub programs: Vec<Program>,
}

/// How a part stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// It tells all that it can tell.
    Ok,
    /// It works, and tells less than elsewhere.
    Degraded,
    /// It does not work.
    Failed,
    /// The config does not want it.
    Off,
}

/// Something that a part does not tell.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Gap {
    /// What it is.
    pub lost: String,
    /// The reason, as that of a part.
    pub reason: String,
    /// What happened.
    pub message: String,
    /// What to do about it.
    pub fix: String,
}

/// One way to attach a part.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RungReport {
    /// The label `rung` of `kernel_exporter_collector_rung_info`.
    pub name: String,
    /// What it takes, beside the capabilities.
    pub needs: String,
    /// What came of it.
    pub state: RungState,
    /// Why not, if it was refused and a lower one was taken.
    pub why: Option<String>,
}

/// What came of a rung.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RungState {
    /// It is in use.
    Taken,
    /// It cannot be used here.
    Refused,
    /// There was no need to try it, or no way to come so far.
    NotTried,
}

/// A BPF program that was attached.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Program {
    /// Its name.
    pub name: String,
    /// What it hangs on.
    pub hook: String,
    /// How often it ran during the check.
    pub runs: u64,
}

impl Part {
    /// A part of which nothing more is known yet than how it could be attached.
    pub fn new(name: &str, status: Status, rungs: &[Rung]) -> Self {
        let rungs = rungs.iter().map(|rung| RungReport {
            name: rung.name.to_owned(),
            needs: rung.needs.to_owned(),
            state: RungState::NotTried,
            why: None,
        });
        Self {
            name: name.to_owned(),
            status,
            reason: None,
            message: None,
            fix: None,
            lost: None,
            gaps: Vec::new(),
            limit: None,
            remark: None,
            rungs: rungs.collect(),
            programs: Vec::new(),
        }
    }

    /// It does not work.
    pub(super) fn refused(mut self, refusal: &Refusal) -> Self {
        self.status = Status::Failed;
        self.reason = Some(refusal.reason.name().to_owned());
        self.message = Some(refusal.message.clone());
        self.fix = Some(refusal.fix.clone());
        self
    }

    /// It works, in this way.
    pub(super) fn attached(mut self, choice: &Choice) -> Self {
        let taken = choice.taken();
        for (number, rung) in self.rungs.iter_mut().enumerate() {
            let refusal = choice.refused().get(number);
            rung.why = refusal.map(|refusal| refusal.message.clone());
            rung.state = match refusal {
                Some(_) => RungState::Refused,
                None if rung.name == taken.name => RungState::Taken,
                None => RungState::NotTried,
            };
        }
        let of_rung = taken.loses.zip(choice.refused().first());
        for (loses, refusal) in
            of_rung.into_iter().chain(choice.missing().iter().map(|part| (part.loses, &part.refusal)))
        {
            self.lacks(loses, refusal);
        }
        self.limit = taken.limit.map(str::to_owned);
        self
    }

    /// It tells less.
    fn lacks(&mut self, loses: &str, refusal: &Refusal) {
        let add = |lost: &mut String| {
            lost.push_str("; ");
            lost.push_str(loses);
        };
        self.status = Status::Degraded;
        self.lost.as_mut().map(add).unwrap_or_else(|| self.lost = Some(loses.to_owned()));
        let reason = refusal.reason.name();
        match self.gaps.iter_mut().find(|gap| gap.reason == reason && gap.fix == refusal.fix) {
            Some(gap) => add(&mut gap.lost),
            None => self.gaps.push(Gap {
                lost: loses.to_owned(),
                reason: reason.to_owned(),
                message: refusal.message.clone(),
                fix: refusal.fix.clone(),
            }),
        }
        self.reason.get_or_insert_with(|| reason.to_owned());
        self.message.get_or_insert_with(|| refusal.message.clone());
        self.fix.get_or_insert_with(|| refusal.fix.clone());
    }

    /// With what its programs did.
    pub(super) fn ran(mut self, account: &Account) -> Self {
        let programs = account.programs.iter().map(|program| Program {
            name: program.name.to_owned(),
            hook: program.hook.to_owned(),
            runs: program.runs,
        });
        self.programs = programs.collect();
        if self.programs.iter().all(|program| program.runs == 0) && !self.programs.is_empty() {
            self.remark = Some(
                "nothing happened on its hooks during the check, so that its programs run is not proven"
                    .to_owned(),
            );
        }
        self
    }
}
