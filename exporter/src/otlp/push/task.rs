//! The task that pushes to one endpoint.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, SystemTime},
};

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceResponse;
use tokio::{
    sync::watch,
    task::{JoinError, spawn_blocking},
    time::{Instant, MissedTickBehavior, interval_at, sleep},
};
use tracing::{debug, error, info, warn};

use super::{
    client::{Client, Request},
    failure::{Failure, Reason, Retry, quoted},
    position::{OnItsWay, Position},
};
use crate::{
    backoff::{Backoff, random_part},
    health::{EndpointMetrics, OwnMetrics},
    otlp::{
        encode::Encoder,
        stream::{OwnSeries, Stream},
    },
    server::{Hub, OnDelivered},
    snapshot::Snapshot,
};

/// The longest wait between two attempts.
const LONGEST_BACKOFF: Duration = Duration::from_secs(60);

/// When requests are sent.
#[derive(Clone, Copy, Debug)]
pub struct Schedule {
    /// The time between two pushes.
    pub interval: Duration,
    /// The wait after a first failure; each next one is twice as long.
    pub first_backoff: Duration,
    /// How long the last push may take, when the exporter ends.
    pub farewell: Duration,
}

/// Pushes to one endpoint.
pub struct Pusher {
    /// What tells the endpoint from others, in metrics, in the log and in the ledger.
    pub name: String,
    /// Where requests go.
    pub client: Client,
    /// What requests look like.
    pub encoder: Encoder,
    /// What the endpoint has been told.
    pub position: Position,
    /// Where snapshots come from.
    pub hub: Arc<Hub>,
    /// Told what has been carried away.
    pub on_delivered: Arc<OnDelivered>,
    /// The exporter's own metrics, which go along.
    pub own_metrics: OwnMetrics,
    /// How it goes.
    pub metrics: EndpointMetrics,
    /// When requests are sent.
    pub schedule: Schedule,
}

/// What makes requests, which may take a while.
struct Writer {
    stream: Stream,
    own: OwnSeries,
    encoder: Encoder,
    own_metrics: OwnMetrics,
    client: Arc<Client>,
}

impl Writer {
    /// The next request.
    fn write(&mut self, snapshot: &Snapshot) -> Request {
        let batch = self.stream.next(snapshot);
        let own = self.own.next(self.own_metrics.gather());
        self.client.request(&self.encoder.request(&batch, &own), batch.points() + own.points())
    }

    /// The request has arrived.
    fn accepted(&mut self) {
        self.stream.accepted();
        self.own.accepted();
    }
}

/// How one push has ended.
enum End {
    Accepted,
    Failed(Failure),
}

impl Pusher {
    /// Pushes until `stop` says true, and then once more. Gives what the endpoint has been told then, unless
    /// a defect has ended it.
    pub async fn run(self, mut stop: watch::Receiver<bool>) -> Option<Position> {
        let Self { name, client, encoder, position, hub, on_delivered, own_metrics, metrics, schedule } =
            self;
        // From now on the dead wait for this endpoint, although it has carried nothing yet.
        on_delivered(&name, &Snapshot::empty(SystemTime::now()));
        let client = Arc::new(client);
        let Position { stream, own, on_its_way } = position;
        let mut writer = Writer { stream, own, encoder, own_metrics, client: Arc::clone(&client) };
        let mut task = Task {
            name,
            client,
            on_delivered,
            metrics,
            schedule,
            on_its_way,
            quiet_until: None,
            failing: false,
        };
        task.give_up_if_unfit(&mut writer);
        // Not all nodes come at once, although a roll-out may have started them together.
        let begin = Instant::now() + schedule.interval.mul_f64(random_part());
        let mut ticks = interval_at(begin, schedule.interval);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            let until = tokio::select! {
                tick = ticks.tick() => tick + schedule.interval,
                // It also ends when nobody is left who could say so.
                _ = stop.wait_for(|stop| *stop) => Instant::now() + schedule.farewell,
            };
            let ending = *stop.borrow() || stop.has_changed().is_err();
            // The last time, what has come since goes out after what is still on its way.
            for _ in 0..if ending && task.on_its_way.is_some() { 2 } else { 1 } {
                match task.push(writer, hub.fresh().await, until, &mut stop).await {
                    Ok(back) => writer = back,
                    Err(panic) => {
                        error!(endpoint = task.name, %panic, "a defect ends the pushes to this endpoint");
                        return None;
                    }
                }
            }
            if ending {
                return Some(Position {
                    stream: writer.stream,
                    own: writer.own,
                    on_its_way: task.on_its_way,
                });
            }
        }
    }
}

/// A [`Pusher`] at work.
struct Task {
    name: String,
    client: Arc<Client>,
    on_delivered: Arc<OnDelivered>,
    metrics: EndpointMetrics,
    schedule: Schedule,
    on_its_way: Option<OnItsWay>,
    /// Before that the endpoint does not want to hear of us.
    quiet_until: Option<Instant>,
    /// The last push failed, which has been logged.
    failing: bool,
}

impl Task {
    /// One push, with as many attempts as there is time for.
    async fn push(
        &mut self,
        mut writer: Writer,
        snapshot: Arc<Snapshot>,
        until: Instant,
        stop: &mut watch::Receiver<bool>,
    ) -> Result<Writer, JoinError> {
        let is_quiet = self.quiet_until.is_some_and(|until| until > Instant::now());
        let make_another = self.on_its_way.is_none() && !is_quiet;
        let task = spawn_blocking(move || {
            let absorbed = writer.stream.absorb(&snapshot);
            let request = make_another.then(|| writer.write(&snapshot));
            (writer, snapshot, absorbed, request)
        });
        let (mut writer, snapshot, absorbed, request) = task.await?;
        if absorbed {
            (self.on_delivered)(&self.name, &snapshot);
        }
        if let Some(request) = request {
            self.on_its_way = Some(OnItsWay { request, snapshot, may_have_arrived: false });
        }
        if is_quiet {
            return Ok(writer);
        }
        let Some(mut sent) = self.on_its_way.take() else { return Ok(writer) };
        self.metrics.queued.set(1);
        match self.attempts(&mut sent, until, stop).await {
            End::Accepted => {
                writer.accepted();
                if !absorbed {
                    (self.on_delivered)(&self.name, &sent.snapshot);
                }
            }
            End::Failed(_) if !(sent.may_have_arrived && writer.stream.must_repeat()) => {
                writer.stream.refused();
            }
            End::Failed(failure) if failure.reason == Reason::Rejected => {
                // Perhaps for being known already: to count it again would be worse than to miss it.
                self.give_up(&mut writer, &sent, &failure);
            }
            End::Failed(_) => self.on_its_way = Some(sent),
        }
        self.metrics.queued.set(i64::from(self.on_its_way.is_some()));
        Ok(writer)
    }

    /// A request that was written for another protocol or compression cannot be sent again as it was. Cumulative
    /// sums need not be.
    fn give_up_if_unfit(&mut self, writer: &mut Writer) {
        let client = &self.client;
        let Some(sent) = self.on_its_way.take_if(|sent| !client.can_send(&sent.request)) else { return };
        self.give_up(writer, &sent, &"the endpoint's protocol or compression has changed");
    }

    fn give_up(&mut self, writer: &mut Writer, sent: &OnItsWay, why: &dyn fmt::Display) {
        writer.stream.dropped();
        self.metrics.dropped.inc_by(sent.request.points as u64);
        error!(endpoint = self.name, points = sent.request.points, "gave points up: {why}");
    }

    async fn attempts(
        &mut self,
        sent: &mut OnItsWay,
        until: Instant,
        stop: &mut watch::Receiver<bool>,
    ) -> End {
        let mut backoff = Backoff::new(self.schedule.first_backoff, LONGEST_BACKOFF);
        loop {
            let timer = self.metrics.duration.start_timer();
            let answer = self.client.send(&sent.request).await;
            timer.observe_duration();
            let failure = match answer {
                Ok(answer) => {
                    self.accepted(&sent.request, answer);
                    return End::Accepted;
                }
                Err(failure) => failure,
            };
            self.failed(&failure);
            sent.may_have_arrived |= failure.may_have_arrived;
            let wait = match failure.retry {
                Retry::Never => return End::Failed(failure),
                Retry::Backoff => backoff.next(),
                Retry::After(asked) => asked.max(backoff.next()),
            };
            let again = Instant::now() + wait;
            if let Retry::After(_) = failure.retry {
                self.quiet_until = Some(again);
            }
            if again >= until {
                return End::Failed(failure);
            }
            let was_stopping = *stop.borrow();
            tokio::select! {
                () = sleep(wait) => {}
                // The last push says it all again.
                _ = stop.changed(), if !was_stopping => return End::Failed(failure),
            }
        }
    }

    fn accepted(&mut self, request: &Request, answer: ExportMetricsServiceResponse) {
        self.quiet_until = None;
        self.metrics.exports.inc();
        self.metrics.bytes.inc_by(request.size as u64);
        let partial = answer.partial_success.unwrap_or_default();
        let rejected = u64::try_from(partial.rejected_data_points).unwrap_or(0);
        self.metrics.points.inc_by((request.points as u64).saturating_sub(rejected));
        self.metrics.rejected.inc_by(rejected);
        let explanation = quoted(partial.error_message.as_bytes());
        if rejected > 0 {
            warn!(endpoint = self.name, points = rejected, "points were rejected: {explanation}");
        } else if !explanation.is_empty() {
            warn!(endpoint = self.name, "accepted with a warning: {explanation}");
        }
        if std::mem::take(&mut self.failing) {
            info!(endpoint = self.name, "pushing again");
        }
    }

    /// Only the first failure of many is worth a line.
    fn failed(&mut self, failure: &Failure) {
        self.metrics.failures.with_label_values(&[self.name.as_str(), failure.reason.name()]).inc();
        if std::mem::replace(&mut self.failing, true) {
            debug!(endpoint = self.name, reason = %failure.reason, "cannot push: {failure}");
        } else {
            warn!(endpoint = self.name, reason = %failure.reason, "cannot push: {failure}");
        }
    }
}

impl fmt::Debug for Pusher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pusher").field("name", &self.name).finish_non_exhaustive()
    }
}
