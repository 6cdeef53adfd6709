//! How far an endpoint has been told, which outlives the task that tells it.

use std::sync::Arc;

use super::client::Request;
use crate::{
    config::Temporality,
    otlp::stream::{OwnSeries, Stream},
    snapshot::Snapshot,
};

/// What an endpoint has been told, and the request of which nobody knows yet.
#[derive(Debug)]
pub struct Position {
    pub(super) stream: Stream,
    pub(super) own: OwnSeries,
    pub(super) on_its_way: Option<OnItsWay>,
}

/// The request on its way.
#[derive(Debug)]
pub(super) struct OnItsWay {
    pub(super) request: Request,
    pub(super) snapshot: Arc<Snapshot>,
    /// It may have arrived, although no attempt was answered so.
    pub(super) may_have_arrived: bool,
}

impl Position {
    /// Where the task before this one has come to, if that is of use for this temporality, or else the start: `told`
    /// is what another exporter has told of these series.
    /// `most` bounds what is kept for an endpoint that cannot be reached, in series.
    pub fn after(
        before: Option<Self>,
        told: Option<&Snapshot>,
        temporality: Temporality,
        most: usize,
    ) -> Self {
        let begin = || {
            let mut stream = Stream::new(temporality, most);
            told.into_iter().for_each(|told| stream.go_on_from(told));
            Self { stream, own: OwnSeries::default(), on_its_way: None }
        };
        before.map_or_else(begin, |Self { stream, own, on_its_way }| {
            match stream.continued(temporality, most) {
                Some(stream) => Self { stream, own, on_its_way },
                None => begin(),
            }
        })
    }
}
