//! What collectors have given up for the budget.

use std::collections::BTreeMap;

use crate::config::{Config, Detail};

/// What is left of a collector that does not do all that the config asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Left {
    /// Its counters, without histograms.
    Counters,
    /// Nothing.
    Nothing,
}

/// What collectors have given up, by their names.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Shed(BTreeMap<&'static str, Left>);

impl Shed {
    /// What is left of a collector; `None` when it does all that it is asked for.
    pub fn left(&self, collector: &str) -> Option<Left> {
        self.0.get(collector).copied()
    }

    /// Whether nothing is given up.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// One step down for a collector, if there is one.
    #[must_use]
    pub fn down(&self, collector: &'static str, asked: &Config) -> Option<Self> {
        let next = match (self.left(collector), histograms(collector, asked)?) {
            (None, true) => Left::Counters,
            (None, false) | (Some(Left::Counters), _) => Left::Nothing,
            (Some(Left::Nothing), _) => return None,
        };
        let mut shed = self.clone();
        shed.0.insert(collector, next);
        Some(shed)
    }

    /// One step up.
    #[must_use]
    pub fn up(&self, collector: &'static str, asked: &Config) -> Self {
        let mut shed = self.clone();
        match (self.left(collector), histograms(collector, asked)) {
            (Some(Left::Nothing), Some(true)) => drop(shed.0.insert(collector, Left::Counters)),
            _ => drop(shed.0.remove(collector)),
        }
        shed
    }

    /// What is asked for, without what is given up.
    pub fn from(&self, asked: &Config) -> Config {
        let mut config = asked.clone();
        let collectors = &mut config.collectors;
        for (collector, left) in &self.0 {
            let Some(section) = collectors.section_mut(collector) else { continue };
            match left {
                Left::Counters => section.set_detail(Detail::Counters),
                Left::Nothing => section.enable(false),
            }
        }
        config
    }
}

/// Whether a collector is asked for histograms that it can give up; `None` when it is off or not known.
fn histograms(collector: &str, asked: &Config) -> Option<bool> {
    let section = asked.collectors.section(collector)?;
    section.enabled().then(|| section.detail() == Some(Detail::Histograms))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn histograms_go_first_and_come_last() {
        let asked = Config::default();
        let counters = Shed::default().down("scheduler", &asked).expect("it has histograms");
        let config = counters.from(&asked);
        assert_eq!(config.collectors.scheduler.detail, Detail::Counters);
        assert!(config.collectors.scheduler.enabled);
        let off = counters.down("scheduler", &asked).expect("it has counters");
        assert!(!off.from(&asked).collectors.scheduler.enabled);
        assert_eq!(off.down("scheduler", &asked), None);
        assert_eq!(off.up("scheduler", &asked), counters);
        assert_eq!(counters.up("scheduler", &asked), Shed::default());
        assert_eq!(Shed::default().from(&asked), asked);
    }

    #[test]
    fn what_has_no_histograms_goes_at_once() {
        let asked = Config::default();
        let off = Shed::default().down("process", &asked).expect("it is on");
        assert!(!off.from(&asked).collectors.process.enabled);
        assert_eq!(off.up("process", &asked), Shed::default());
        let mut asked = asked;
        asked.collectors.block_io.detail = Detail::Counters;
        let off = Shed::default().down("block_io", &asked).expect("it is on");
        assert!(!off.from(&asked).collectors.block_io.enabled);
        asked.collectors.process.enabled = false;
        assert_eq!(Shed::default().down("process", &asked), None, "it costs nothing");
    }
}
