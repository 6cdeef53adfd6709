//! The answer to an open page, as JSON.
//!
//! Metrics are called by their place in the catalogue, label sets by their place in `who`. Amounts are in the exported
//! unit. Rows of heatmaps are counted from the zero bucket, which is row 0: row `r` ends at `2^(zero + r/2)`.

use std::{
    fmt,
    str::FromStr,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use serde::Serialize;

use super::{
    super::{CollectorStatus, Cost, Site},
    shown::{Catalogue, Columns, Described, LabelSet, People, rounded},
};
use crate::{
    catalogue::Unit,
    live::{Goes, History, Limits, SegmentId, Whose},
};

/// Rows per board, for waiting and for running each.
const BOARD_ROWS: usize = 10;

/// Rows per metric.
const TOP_ROWS: usize = 4;

/// Where a page is: which exporter's columns it has, and up to which.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Since {
    epoch: u64,
    column: u64,
}

impl FromStr for Since {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (epoch, column) = text.split_once('-').ok_or(())?;
        let number = |text: &str| text.parse().map_err(|_| ());
        Ok(Self { epoch: number(epoch)?, column: number(column)? })
    }
}

impl fmt::Display for Since {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.epoch, self.column)
    }
}

#[derive(Serialize)]
struct Answer<'a> {
    /// What to say as `since` next time.
    here: String,
    /// Only when the page has nothing yet: then the columns are all there are.
    #[serde(skip_serializing_if = "Option::is_none")]
    whole: Option<Whole>,
    columns: Columns<'a>,
    /// Seconds that the boards and the tops are about.
    window: f64,
    segments: Vec<Segment>,
    boards: [Board; Whose::ALL.len()],
    tops: Vec<Top>,
    who: People,
    collectors: Vec<CollectorStatus>,
    cost: Cost,
    history: Kept,
}

/// What does not change from answer to answer.
#[derive(Serialize)]
struct Whole {
    version: &'static str,
    metrics: Vec<Described>,
    /// Seconds that the history goes back at most.
    span: f64,
    /// Seconds between two snapshots while a page is open.
    refresh: f64,
    /// Seconds that columns are wide then.
    step: f64,
}

/// How it stands with the history.
#[derive(Serialize)]
struct Kept {
    bytes: usize,
    limit: usize,
    seconds: f64,
}

#[derive(Serialize)]
struct Segment {
    metric: Option<usize>,
    what: LabelSet,
    goes: &'static str,
}

/// A label set's place and its seconds by segment.
#[derive(Serialize)]
struct Board {
    rows: Vec<(usize, Vec<(SegmentId, f64)>)>,
    rest: Vec<(SegmentId, f64)>,
}

/// Label sets' places and their amounts.
#[derive(Serialize)]
struct Top {
    metric: usize,
    rows: Vec<(usize, f64)>,
    rest: f64,
}

/// The answer without its [age](with_age); `None` when there is no history any more.
pub(super) fn write(site: &Site, since: Option<Since>, window: Duration) -> Option<String> {
    let (collectors, cost) = ((site.collectors)(), (site.cost)());
    let epoch = milliseconds(site.live.begun());
    site.live.with(|history, limits| {
        let goes_on = since.filter(|since| since.epoch == epoch && history.goes_on_from(since.column));
        let catalogue = Catalogue::default();
        let mut who = People::default();
        let answer = Answer {
            here: Since { epoch, column: history.newest() }.to_string(),
            whole: goes_on.is_none().then(|| whole(&catalogue, limits)),
            columns: Columns {
                catalogue: &catalogue,
                history,
                after: goes_on.map_or(0, |since| since.column),
            },
            window: history.covered(window).as_secs_f64(),
            segments: segments(history, &catalogue),
            boards: Whose::ALL.map(|whose| board(history, whose, window, &mut who)),
            tops: tops(history, &catalogue, window, &mut who),
            who,
            collectors,
            cost,
            history: Kept {
                bytes: history.bytes(),
                limit: limits.bytes,
                seconds: history.span().as_secs_f64(),
            },
        };
        serde_json::to_string(&answer).expect("all keys are text")
    })
}

/// The answer to those who ask now, with the seconds since its snapshot was taken.
pub(super) fn with_age(answer: &str, taken: SystemTime) -> String {
    let age = taken.elapsed().unwrap_or_default().as_secs_f64();
    format!("{{\"age\":{},{}", rounded(age), answer.strip_prefix('{').unwrap_or("}"))
}

fn whole(catalogue: &Catalogue, limits: Limits) -> Whole {
    Whole {
        version: env!("CARGO_PKG_VERSION"),
        metrics: catalogue.described(),
        span: limits.span.as_secs_f64(),
        refresh: limits.refresh.as_secs_f64(),
        step: limits.step().as_secs_f64(),
    }
}

fn segments(history: &History, catalogue: &Catalogue) -> Vec<Segment> {
    let segments = history.segments().iter().map(|segment| Segment {
        metric: catalogue.place(segment.metric),
        what: LabelSet(segment.what.clone()),
        goes: match segment.goes {
            Goes::Waiting => "waiting",
            Goes::Running => "running",
            Goes::Resting => "resting",
        },
    });
    segments.collect()
}

fn board(history: &History, whose: Whose, window: Duration, who: &mut People) -> Board {
    let board = history.board(whose, window, BOARD_ROWS);
    let seconds = |amounts: &[(SegmentId, u64)]| {
        amounts.iter().map(|(id, amount)| (*id, rounded(Unit::Seconds.exported((*amount).into())))).collect()
    };
    Board {
        rows: board.rows().map(|(name, amounts)| (who.place(name), seconds(amounts))).collect(),
        rest: seconds(board.rest()),
    }
}

/// Of the metrics that know who did it, as far as there was anything.
fn tops(history: &History, catalogue: &Catalogue, window: Duration, who: &mut People) -> Vec<Top> {
    let mut tops = Vec::new();
    for (place, metric) in catalogue.metrics().filter(|(_, metric)| !metric.identity.is_empty()) {
        let top = history.top(metric, window, TOP_ROWS);
        let amount = |amount: u64| rounded(metric.unit.exported(amount.into()));
        let rows: Vec<_> = top.rows().iter().map(|(name, sum)| (who.place(name), amount(*sum))).collect();
        if !rows.is_empty() {
            tops.push(Top { metric: place, rows, rest: amount(top.rest()) });
        }
    }
    tops
}

/// Since the epoch.
pub(super) fn milliseconds(moment: SystemTime) -> u64 {
    let since = moment.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
