//! A receiver of OTLP that accepts everything, and adds up what it is told of ours.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use axum::{Router, body::Bytes, extract::State, http::StatusCode, routing::post};
use opentelemetry_proto::tonic::{
    collector::metrics::v1::ExportMetricsServiceRequest,
    metrics::v1::{Metric, metric::Data, number_data_point::Value},
};
use prost::Message as _;
use tokio::{net::TcpListener, runtime::Runtime};

use crate::forms::MARK;

/// The last cumulative value of each counter's series, by metric, attributes and start.
#[derive(Default)]
struct Record {
    requests: u64,
    values: BTreeMap<(String, String, u64), f64>,
}

/// Runs until it is dropped.
pub(super) struct Receiver {
    pub(super) address: SocketAddr,
    record: Arc<Mutex<Record>>,
    _runtime: Runtime,
}

impl Receiver {
    pub(super) fn start() -> Self {
        let runtime = Runtime::new().expect("a runtime");
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("a port");
        let address = listener.local_addr().expect("bound");
        let record = Arc::<Mutex<Record>>::default();
        let router = Router::new().route("/v1/metrics", post(take)).with_state(Arc::clone(&record));
        runtime.spawn(async move { axum::serve(listener, router).await });
        Self { address, record, _runtime: runtime }
    }

    pub(super) fn requests(&self) -> u64 {
        self.record.lock().expect("no panic").requests
    }

    /// All growth of a counter's series that are ours.
    pub(super) fn total(&self, metric: &str) -> f64 {
        let record = self.record.lock().expect("no panic");
        record.values.iter().filter(|((name, ..), _)| name == metric).map(|(_, value)| value).sum()
    }
}

async fn take(State(record): State<Arc<Mutex<Record>>>, body: Bytes) -> (StatusCode, Vec<u8>) {
    let Ok(request) = ExportMetricsServiceRequest::decode(body) else {
        return (StatusCode::BAD_REQUEST, Vec::new());
    };
    let mut record = record.lock().expect("no panic");
    record.requests += 1;
    let scopes = request.resource_metrics.into_iter().flat_map(|resource| resource.scope_metrics);
    scopes.flat_map(|scope| scope.metrics).for_each(|metric| record.add(metric));
    (StatusCode::OK, Vec::new())
}

impl Record {
    fn add(&mut self, metric: Metric) {
        let Some(Data::Sum(sum)) = metric.data else { return };
        for point in sum.data_points {
            let attributes = format!("{:?}", point.attributes);
            // A point without a value says that its series has ended.
            let (Some(value), true) = (point.value, attributes.contains(MARK)) else { continue };
            let value = match value {
                Value::AsInt(value) => value as f64,
                Value::AsDouble(value) => value,
            };
            self.values.insert((metric.name.clone(), attributes, point.start_time_unix_nano), value);
        }
    }
}
