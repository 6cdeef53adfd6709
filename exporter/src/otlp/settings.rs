//! What is in force: the config file's settings, and for those that it does not have, one by one, those of the
//! environment.

use std::{collections::BTreeSet, time::Duration};

use super::environment::Environment;
use crate::config::{
    ClientTls, Compression, Endpoint, EndpointUrl, Headers, HistogramForm, Otlp, Protocol, Temporality,
};

/// The default of OpenTelemetry's specification, for a push from every node as reasonable as for one application's.
const INTERVAL: Duration = Duration::from_secs(60);

/// What is in force.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// To whom to push. The URL is different for each.
    pub destinations: Vec<Destination>,
    /// The time between two pushes.
    pub interval: Duration,
    /// What counters and histograms count from.
    pub temporality: Temporality,
    /// Which buckets histograms have.
    pub histograms: HistogramForm,
    /// Say which container it was in resources.
    pub resource_per_container: bool,
    /// What was said of us, in the order in which it counts: the last one of a name wins.
    pub resource: Vec<(String, String)>,
    /// What is ignored, and why, a sentence each.
    pub warnings: Vec<String>,
}

/// To whom to push, and how.
#[derive(Clone, Debug, PartialEq)]
pub struct Destination {
    /// Where requests go, with the path.
    pub url: EndpointUrl,
    /// How it is spoken to.
    pub protocol: Protocol,
    /// Sent along with each request.
    pub headers: Headers,
    /// How long a request may take.
    pub timeout: Duration,
    /// How requests are compressed.
    pub compression: Compression,
    /// Whom to believe, and how to be believed.
    pub tls: ClientTls,
}

impl Default for Destination {
    fn default() -> Self {
        Self {
            url: EndpointUrl::default(),
            protocol: Protocol::default(),
            headers: Headers::default(),
            timeout: Duration::from_secs(10),
            compression: Compression::default(),
            tls: ClientTls::default(),
        }
    }
}

impl Settings {
    /// What is in force with this config, and variables that `lookup` finds.
    pub fn new(config: &Otlp, lookup: impl Fn(&str) -> Option<String>) -> Self {
        let mut environment = Environment::read(lookup);
        let mut warnings = std::mem::take(&mut environment.warnings);
        let mut destinations: Vec<_> = match &environment.endpoint {
            _ if !config.endpoints.is_empty() => {
                config.endpoints.iter().map(|endpoint| Destination::of(endpoint, &environment)).collect()
            }
            Some(url) => vec![Destination::of_environment(url, &environment)],
            None => Vec::new(),
        };
        if environment.disabled && !destinations.is_empty() {
            warnings.push("nothing is pushed, because OTEL_SDK_DISABLED is true".to_owned());
            destinations.clear();
        }
        // It is what metrics, the log and the ledger know them by.
        let mut known = BTreeSet::new();
        destinations.retain(|destination| {
            let url = destination.url.to_string();
            let is_new = known.insert(url.clone());
            if !is_new {
                warnings.push(format!("{url} is named twice, and pushed to once, as it was named first"));
            }
            is_new
        });
        Self {
            destinations,
            interval: config.interval.or(environment.interval).unwrap_or(INTERVAL),
            temporality: config.temporality.or(environment.temporality).unwrap_or_default(),
            histograms: config.histograms.or(environment.histograms).unwrap_or_default(),
            resource_per_container: config.resource_per_container,
            resource: environment.resource,
            warnings,
        }
    }
}

impl Destination {
    /// One of the file's. People write where a receiver listens, and mean its usual path.
    fn of(endpoint: &Endpoint, environment: &Environment) -> Self {
        let defaults = Self::default();
        let protocol = endpoint.protocol.or(environment.protocol).unwrap_or_default();
        let url = endpoint.url.clone();
        let ClientTls { ca_file, cert_file, key_file } = endpoint.tls.clone();
        let tls = ClientTls { ca_file: or(ca_file, &environment.ca_file), cert_file, key_file };
        Self {
            url: if protocol == Protocol::Http { url.or_usual_path() } else { url },
            protocol,
            headers: endpoint.headers.clone().or_else(|| environment.headers.clone()).unwrap_or_default(),
            timeout: endpoint.timeout.or(environment.timeout).unwrap_or(defaults.timeout),
            compression: endpoint.compression.or(environment.compression).unwrap_or_default(),
            tls: with_identity(tls, environment),
        }
    }

    /// The environment's, whose URL is as it should be already.
    fn of_environment(url: &EndpointUrl, environment: &Environment) -> Self {
        let defaults = Self::default();
        let tls = ClientTls { ca_file: environment.ca_file.clone(), ..ClientTls::default() };
        Self {
            url: url.clone(),
            protocol: environment.protocol.unwrap_or_default(),
            headers: environment.headers.clone().unwrap_or_default(),
            timeout: environment.timeout.unwrap_or(defaults.timeout),
            // As the specification has it.
            compression: environment.compression.unwrap_or(Compression::None),
            tls: with_identity(tls, environment),
        }
    }
}

/// A certificate and its key are one setting.
fn with_identity(tls: ClientTls, environment: &Environment) -> ClientTls {
    match &environment.identity {
        Some((cert_file, key_file)) if tls.cert_file.is_empty() => {
            ClientTls { cert_file: cert_file.clone(), key_file: key_file.clone(), ..tls }
        }
        _ => tls,
    }
}

fn or(text: String, other: &str) -> String {
    if text.is_empty() { other.to_owned() } else { text }
}

#[cfg(test)]
#[path = "settings_tests.rs"]
mod tests;
