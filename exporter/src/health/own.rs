//! All of the exporter's own metrics.

use ::prometheus::{Registry, proto::MetricFamily};

use super::EngineMetrics;
use crate::prometheus::Own;

/// Those that are registered, and those of the engine, which are told. A clone tells the same.
#[derive(Clone, Debug)]
pub struct OwnMetrics {
    registry: Registry,
    engine: Option<EngineMetrics>,
}

impl OwnMetrics {
    pub(super) fn new(registry: Registry) -> Self {
        Self { registry, engine: None }
    }

    pub(super) fn add_engine(&mut self, engine: EngineMetrics) {
        self.engine = Some(engine);
    }

    /// Where the former are registered.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// What `then` makes of how they are now. It may take milliseconds: some are read from files.
    pub fn with<T>(&self, then: impl FnOnce(Own<'_>) -> T) -> T {
        let registered = self.registry.gather();
        match &self.engine {
            Some(engine) => engine.tell(|told| then(Own { registered, told })),
            None => then(Own { registered, told: Vec::new() }),
        }
    }

    /// How they are now, as messages of the `prometheus` crate.
    pub fn gather(&self) -> Vec<MetricFamily> {
        self.with(|own| own.into_messages())
    }
}
