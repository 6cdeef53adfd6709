//! A new config for the running exporter.
//!
//! It is read and checked as a whole, and everything that can fail is done beside what runs: programs are
//! attached, an address is taken, certificates are read. Only when all of that went well is anything changed.
//! So after a failure the exporter goes on as it was, with the config that it had.

use std::sync::Arc;

use anyhow::{Context as _, Result};
use tokio::task::spawn_blocking;
use tracing::{error, info, warn};

use super::{Server, Service, in_a_sentence, listen, locked};
use crate::{
    budget::Shed, cli::Overrides, config::Config, engine::Engine, entities::kubernetes,
    health::KubernetesMetrics, prometheus::Exposition, server::Outcome, service_manager,
};

impl Service {
    /// Reads the config again and does as it says.
    pub(super) async fn reload(&mut self, overrides: &Overrides) -> Outcome {
        service_manager::reloading();
        let result = match overrides.config() {
            Ok((_, config)) if config == self.config => {
                info!("the config is what it was");
                Ok(())
            }
            Ok((source, config)) => {
                let applied = self.apply(config).await;
                if applied.is_ok() {
                    info!(%source, "the config is in force");
                }
                applied.map_err(|error| format!("{error:#}"))
            }
            Err(error) => Err(error.to_string()),
        };
        if let Err(error) = &result {
            error!("the config was not reloaded, the last good one stays in force: {error}");
        }
        self.health.reloads().note(result.is_ok());
        service_manager::ready(&in_a_sentence(self.server.address, &self.report));
        result
    }

    /// Goes over to another config, or fails and leaves everything as it was.
    async fn apply(&mut self, config: Config) -> Result<()> {
        let old = &self.config;
        // What was too much for one budget may not be for another one.
        let shed = if config.budget == old.budget { self.shed.clone() } else { Shed::default() };
        let listener = match config.listen == old.listen || self.is_given_socket {
            true => None,
            false => Some(listen(&config.listen).await?),
        };
        super::restart::check(&config.restart)?;
        let pods = (config.kubernetes != old.kubernetes).then(|| kubernetes::start(&config.kubernetes));
        let change = {
            let (engine, config, shed, pods) =
                (Arc::clone(&self.engine), config.clone(), shed.clone(), pods.clone());
            spawn_blocking(move || Engine::prepare(&engine, &config, shed, pods))
                .await
                .context("a defect")??
        };
        self.pushers.apply(&config)?;

        // From here on nothing fails.
        let engine = Arc::clone(&self.engine);
        spawn_blocking(move || locked(&engine).make(change)).await.context("a defect")?;
        if let Some(pods) = pods {
            self.show(KubernetesMetrics::new(pods)?)?;
        }
        self.logging.set_level(&config.log.level);
        if config.log.format != old.log.format {
            warn!("log.format will be another one after a restart");
        }
        if config.web_config_file != old.web_config_file {
            warn!(
                "web_config_file will be another one after a restart; the contents of the old one are kept up with"
            );
        }
        if config.privileges != old.privileges {
            warn!("privileges.drop will be another one after a restart");
        }
        self.exposition.send_replace(Arc::new(Exposition::new(&(&config.histograms).into())));
        self.read_interval.send_replace(config.read_interval);
        if config.live != self.config.live {
            self.live.configure(&config.live);
        }
        if let Some(listener) = listener {
            let new = Server::start(listener, &self.router, &self.web)?;
            let old = std::mem::replace(&mut self.server, new);
            tokio::spawn(old.end());
        }
        if config.budget != self.config.budget {
            self.governor = super::budget::governor(&config.budget);
        }
        self.shed = shed;
        self.reloads.allow_requests(config.reload.http);
        self.config = config;
        Ok(())
    }

    /// Metrics in the place of those with the same names.
    fn show(&self, metrics: KubernetesMetrics) -> Result<(), ::prometheus::Error> {
        let registry = self.health.registry();
        registry.unregister(Box::new(metrics.clone()))?;
        registry.register(Box::new(metrics))
    }
}
