//! What one endpoint has been told, and so what it is told next.

mod cumulative;
mod delta;

use crate::{config::Temporality, snapshot::Snapshot};

use super::batch::Batch;
pub use cumulative::Cumulative;
pub use delta::Delta;

/// What one endpoint is told, push by push. There is one batch on its way at a time: after [`next`](Self::next)
/// it is [`accepted`](Self::accepted), [`refused`](Self::refused) or [`dropped`](Self::dropped), or, when
/// nobody knows what became of it, sent again as it was.
#[derive(Debug)]
pub enum Stream {
    /// What has happened since the start of each series. A push that did not arrive is made good by the next.
    Cumulative(Cumulative),
    /// What has happened since the last push.
    Delta(Delta),
}

impl Stream {
    /// Nothing has been told. `most` bounds what is kept for an endpoint that cannot be reached, in series.
    pub fn new(temporality: Temporality, most: usize) -> Self {
        match temporality {
            Temporality::Cumulative => Self::Cumulative(Cumulative::default()),
            Temporality::Delta => Self::Delta(Delta::new(most)),
        }
    }

    /// Takes what is in a snapshot out of it, if it has to be kept here. The snapshot is then as good as
    /// carried.
    pub fn absorb(&mut self, snapshot: &Snapshot) -> bool {
        match self {
            Self::Cumulative(_) => false,
            Self::Delta(delta) => {
                delta.absorb(snapshot);
                true
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
