//! When to give something up, and when to take it back: a function of time and cost, so tested without either.

use std::{
    collections::{BTreeMap, VecDeque},
    time::{Duration, Instant},
};

/// What everything has cost so far.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// When that was.
    pub at: Instant,
    /// Seconds of CPU time of programs and exporter together.
    pub total: f64,
    /// Of these, what each collector has cost.
    pub collectors: BTreeMap<&'static str, f64>,
}

/// What to do about it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Move {
    /// This collector costs the most and has something to give up.
    Down(&'static str),
    /// The last one that has given something up may take it back.
    Up(&'static str),
}

/// A collector may take something back when the cost has been below this part of the budget.
const LOW: f64 = 0.5;

/// For so many windows, the first time.
const PATIENCE: u32 = 5;

/// And for twice as long after each time that it was too much, up to so many windows.
const LONGEST_PATIENCE: u32 = 160;

/// Keeps the cost within a budget.
#[derive(Clone, Debug)]
pub struct Governor {
    /// CPUs' worth of time.
    budget: f64,
    window: Duration,
    /// The last window, the oldest first.
    samples: VecDeque<Sample>,
    /// Who has given something up, in that order.
    down: Vec<&'static str>,
    patience: u32,
    /// Since when the cost is low.
    low_since: Option<Instant>,
    /// The last move was one up.
    tried: bool,
}

impl Governor {
    /// For a budget in CPUs, of which half a CPU is 0.5.
    pub fn new(budget: f64, window: Duration) -> Self {
        Self {
            budget,
            window,
            samples: VecDeque::new(),
            down: Vec::new(),
            patience: PATIENCE,
            low_since: None,
            tried: false,
        }
    }

    /// Takes note of the cost, and says what should be done. Whoever does it tells by [`moved`](Self::moved).
    /// `can_go_down` says whether a collector has something left to give up.
    pub fn note(&mut self, sample: Sample, can_go_down: impl Fn(&'static str) -> bool) -> Option<Move> {
        let now = sample.at;
        self.samples.push_back(sample);
        while self.samples.len() > 2 && now.duration_since(self.samples[1].at) >= self.window {
            self.samples.pop_front();
        }
        let usage = self.usage()?;
        if usage > self.budget {
            self.low_since = None;
            return self.dearest(can_go_down).map(Move::Down);
        }
        if self.tried {
            // It was not too much.
            (self.tried, self.patience) = (false, PATIENCE);
        }
        if usage > self.budget * LOW {
            self.low_since = None;
            return None;
        }
        let since = *self.low_since.get_or_insert(self.samples[0].at);
        (now.duration_since(since) >= self.window * self.patience).then_some(())?;
        self.down.last().copied().map(Move::Up)
    }

    /// A move was made: what was measured before says nothing about what comes now.
    pub fn moved(&mut self, made: Move) {
        self.samples.clear();
        self.low_since = None;
        match made {
            Move::Down(collector) => {
                if std::mem::take(&mut self.tried) {
                    self.patience = (self.patience * 2).min(LONGEST_PATIENCE);
                }
                self.down.push(collector);
            }
            Move::Up(_) => {
                self.down.pop();
                self.tried = true;
            }
        }
    }

    /// A move could not be made, so nothing is tried for another window.
    pub fn failed(&mut self) {
        self.samples.clear();
        self.low_since = None;
    }

    /// CPUs in use over the last window; `None` until it is full.
    pub fn usage(&self) -> Option<f64> {
        let (first, last) = (self.samples.front()?, self.samples.back()?);
        let time = last.at.duration_since(first.at);
        (time >= self.window).then(|| (last.total - first.total).max(0.0) / time.as_secs_f64())
    }

    fn dearest(&self, can_go_down: impl Fn(&'static str) -> bool) -> Option<&'static str> {
        let (first, last) = (self.samples.front()?, self.samples.back()?);
        let cost = |(name, total): (&&'static str, &f64)| {
            // Programs that were attached anew begin at zero.
            let before = first.collectors.get(name).copied().filter(|before| before <= total);
            (*name, total - before.unwrap_or(0.0))
        };
        let costs = last.collectors.iter().map(cost).filter(|(name, _)| can_go_down(name));
        costs.max_by(|(_, one), (_, other)| one.total_cmp(other)).map(|(name, _)| name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Duration = Duration::from_secs(60);

    /// A machine on which `a` and `b` cost so many CPUs, and the rest nothing.
    struct Bench {
        governor: Governor,
        now: Instant,
        spent: [f64; 2],
        /// Steps that each has left.
        left: [u32; 2],
    }

    impl Bench {
        fn new(budget: f64) -> Self {
            let governor = Governor::new(budget, WINDOW);
            Self { governor, now: Instant::now(), spent: [0.0; 2], left: [2; 2] }
        }

        /// Samples every ten seconds; the moves that were made, and after how many seconds.
        fn run(&mut self, seconds: u64, cpus: impl Fn([u32; 2]) -> [f64; 2]) -> Vec<(u64, Move)> {
            let mut moves = Vec::new();
            for second in (0..seconds).step_by(10) {
                let left = self.left;
                let collectors = BTreeMap::from([("a", self.spent[0]), ("b", self.spent[1])]);
                let sample = Sample { at: self.now, total: self.spent.iter().sum(), collectors };
                let made = self.governor.note(sample, |name| left[usize::from(name == "b")] > 0);
                if let Some(made) = made {
                    match made {
                        Move::Down(name) => self.left[usize::from(name == "b")] -= 1,
                        Move::Up(name) => self.left[usize::from(name == "b")] += 1,
                    }
                    self.governor.moved(made);
                    moves.push((second, made));
                }
                for (spent, cpus) in self.spent.iter_mut().zip(cpus(self.left)) {
                    *spent += cpus * 10.0;
                }
                self.now += Duration::from_secs(10);
            }
            moves
        }
    }

    #[test]
    fn within_the_budget_nothing_happens() {
        let mut bench = Bench::new(0.02);
        assert_eq!(bench.run(3_600, |_| [0.01, 0.009]), []);
        assert!(bench.governor.usage().is_some_and(|usage| (usage - 0.019).abs() < 1e-9));
    }

    #[test]
    fn a_short_peak_is_nothing() {
        let mut bench = Bench::new(0.02);
        assert_eq!(bench.run(100, |_| [0.001, 0.001]), []);
        assert_eq!(bench.run(20, |_| [0.04, 0.001]), [], "a third of the window at twice the budget");
        assert_eq!(bench.run(100, |_| [0.001, 0.001]), []);
    }

    #[test]
    fn the_dearest_goes_down_until_it_is_enough() {
        let mut bench = Bench::new(0.02);
        let moves = bench.run(600, |[a, _]| [0.03 * f64::from(a), 0.01]);
        assert_eq!(moves, [(60, Move::Down("a")), (130, Move::Down("a"))]);
        let moves = bench.run(300, |_| [0.05, 0.03]);
        assert_eq!(moves.first().map(|(_, made)| *made), Some(Move::Down("b")), "a has nothing left to give");
    }

    #[test]
    fn when_all_has_been_given_up_there_is_nothing_to_do() {
        let mut bench = Bench::new(0.02);
        bench.left = [0, 0];
        assert_eq!(bench.run(600, |_| [1.0, 1.0]), []);
    }

    #[test]
    fn what_was_given_up_comes_back_when_the_load_has_gone() {
        let mut bench = Bench::new(0.02);
        assert_eq!(bench.run(70, |_| [0.05, 0.0]), [(60, Move::Down("a"))]);
        assert_eq!(bench.run(250, |_| [0.005, 0.0]), [], "it is not sure yet");
        assert_eq!(bench.run(250, |_| [0.005, 0.0]).len(), 1);
        assert_eq!(bench.left, [2, 2]);
    }

    #[test]
    fn what_is_too_much_again_and_again_is_tried_less_and_less() {
        let mut bench = Bench::new(0.02);
        let moves = bench.run(8 * 3_600, |[a, _]| if a == 2 { [0.05, 0.0] } else { [0.005, 0.0] });
        let tries: Vec<u64> =
            moves.iter().filter(|(_, made)| matches!(made, Move::Up(_))).map(|(at, _)| *at).collect();
        let waits: Vec<u64> = tries.windows(2).map(|two| two[1] - two[0]).collect();
        assert!(waits.len() > 3 && waits.windows(2).all(|two| two[1] > two[0]), "{waits:?}");
        assert!(bench.left[0] >= 1, "one step is enough");
    }
}
