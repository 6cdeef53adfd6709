//! What one endpoint has been told, and so what it is told next.

mod cumulative;
mod delta;
mod own;

use crate::{config::Temporality, snapshot::Snapshot};

use super::batch::Batch;
pub use cumulative::Cumulative;
pub use delta::Delta;
pub(crate) use own::{Own, OwnSeries};

/// What one endpoint is told, push by push. There is one batch on its way at a time: after [`next`](Self::next)
/// it is [`accepted`](Self::accepted), [`refused`](Self::refused) or [`dropped`](Self::dropped), or, when
/// nobody knows what became of it, sent again as it was.
#[derive(Debug)]
pub enum Stream {
    /// What has happened since the start of each series. A push that did not arrive is made good by the next.
    /// Last values of series that have ended wait in the ledger for `limits.linger` at most: an endpoint that is
    /// away for longer misses them, as a scraper would, because memory is bounded.
    Cumulative(Cumulative),
    /// What has happened since the last push, at least in histograms.
    Delta(Delta),
}

impl Stream {
    /// Nothing has been told. `most` bounds what is kept for an endpoint that cannot be reached, in series.
    pub fn new(temporality: Temporality, most: usize) -> Self {
        match temporality {
            Temporality::Cumulative => Self::Cumulative(Cumulative::default()),
            Temporality::Delta | Temporality::LowMemory => Self::Delta(Delta::new(temporality, most)),
        }
    }

    /// What this snapshot has was told by another exporter, which ended when it was taken.
    pub fn go_on_from(&mut self, told: &Snapshot) {
        match self {
            // All of it is told each time.
            Self::Cumulative(_) => {}
            Self::Delta(stream) => stream.go_on_from(told),
        }
    }

    /// The same for another bound, unless the temporality is another one.
    pub fn continued(self, temporality: Temporality, most: usize) -> Option<Self> {
        match self {
            Self::Cumulative(stream) => {
                (temporality == Temporality::Cumulative).then_some(Self::Cumulative(stream))
            }
            Self::Delta(stream) => stream.continued(temporality, most).map(Self::Delta),
        }
    }

    /// Takes what is in a snapshot out of it, if it has to be kept here. The snapshot is then as good as
    /// carried.
    pub fn absorb(&mut self, snapshot: &Snapshot) -> bool {
        match self {
            Self::Cumulative(_) => false,
            Self::Delta(delta) => {
                delta.absorb(snapshot);
                delta.has_all()
            }
        }
    }

    /// The next batch, with what the snapshot has, which was absorbed.
    pub fn next(&mut self, snapshot: &Snapshot) -> Batch {
        match self {
            Self::Cumulative(stream) => stream.next(snapshot),
            Self::Delta(stream) => stream.next(snapshot),
        }
    }

    /// The batch has arrived.
    pub fn accepted(&mut self) {
        match self {
            Self::Cumulative(stream) => stream.accepted(),
            Self::Delta(stream) => stream.accepted(),
        }
    }

    /// The batch has not arrived, for certain: the next one makes up for it.
    pub fn refused(&mut self) {
        match self {
            Self::Cumulative(stream) => stream.refused(),
            Self::Delta(stream) => stream.refused(),
        }
    }

    /// The batch is given up, because it may have arrived and can't be sent again.
    pub fn dropped(&mut self) {
        match self {
            Self::Cumulative(stream) => stream.refused(),
            Self::Delta(stream) => stream.dropped(),
        }
    }

    /// Whether a batch that may have arrived must be sent again as it was.
    pub fn must_repeat(&self) -> bool {
        matches!(self, Self::Delta(_))
    }
}
