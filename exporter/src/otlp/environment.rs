//! The environment variables of OpenTelemetry's specification.
//!
//! The config file wins: when it names endpoints, only what says who we are is taken from the environment. A
//! value that is invalid is warned about and ignored, as the specification has it, and an empty one is as
//! good as none.

use std::time::Duration;

use crate::config::{Compression, Endpoint, EndpointUrl, HistogramForm, Otlp, Protocol, Temporality};

/// What is in force.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Settings {
    /// Where to push, and in what form.
    pub otlp: Otlp,
    /// What was said of us, in the order in which it counts: the last one of a name wins.
    pub resource: Vec<(String, String)>,
    /// What is wrong with the environment, a sentence each.
    pub warnings: Vec<String>,
}

/// What is in force with this config, and variables that `lookup` finds.
pub fn settings(config: &Otlp, lookup: impl Fn(&str) -> Option<String>) -> Settings {
    let mut environment = Environment { lookup, warnings: Vec::new() };
    let resource = environment.resource();
    let otlp = if config.endpoints.is_empty() { environment.otlp(config) } else { config.clone() };
    Settings { otlp, resource, warnings: environment.warnings }
}

struct Environment<F> {
    lookup: F,
    warnings: Vec<String>,
}

/// Turns text into a value, or says what is expected.
type Reads<T> = fn(&str) -> Result<T, &'static str>;

impl<F: Fn(&str) -> Option<String>> Environment<F> {
    fn text(&self, name: &str) -> Option<String> {
        (self.lookup)(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
    }

    fn read<T>(&mut self, name: &str, reads: Reads<T>) -> Option<T> {
        let value = self.text(name)?;
        reads(&value).inspect_err(|expected| self.ignored(name, expected)).ok()
    }

    /// The value is not shown: it may be a credential.
    fn ignored(&mut self, name: &str, expected: &str) {
        self.warnings.push(format!("{name} is ignored: expected {expected}"));
    }

    /// A setting of all signals' exporters, or the one that is only for metrics, which wins.
    fn exporter<T>(&mut self, name: &str, reads: Reads<T>) -> Option<T> {
        let of_metrics = self.read(&format!("OTEL_EXPORTER_OTLP_METRICS_{name}"), reads);
        of_metrics.or_else(|| self.read(&format!("OTEL_EXPORTER_OTLP_{name}"), reads))
    }

    fn otlp(&mut self, config: &Otlp) -> Otlp {
        let disabled = self.read("OTEL_SDK_DISABLED", boolean).unwrap_or(false);
        let other = self.text("OTEL_METRICS_EXPORTER").is_some_and(|exporter| exporter != "otlp");
        let endpoint = if disabled || other { None } else { self.endpoint() };
        let Some(endpoint) = endpoint else { return config.clone() };
        Otlp {
            endpoints: vec![endpoint],
            interval: self
                .read("OTEL_METRIC_EXPORT_INTERVAL", milliseconds)
                .map_or(config.interval, |interval| interval.max(Duration::from_secs(1))),
            temporality: self
                .read("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", temporality)
                .unwrap_or(config.temporality),
            histograms: self
                .read("OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION", histograms)
                .unwrap_or(config.histograms),
            resource_per_container: config.resource_per_container,
        }
    }

    /// The endpoint, if one is named: none is guessed.
    fn endpoint(&mut self) -> Option<Endpoint> {
        let protocol = self.exporter("PROTOCOL", protocol).unwrap_or_default();
        let mut endpoint = Endpoint { url: self.url(protocol)?, protocol, ..Endpoint::default() };
        if let Some(timeout) = self.exporter("TIMEOUT", milliseconds) {
            endpoint.timeout = timeout;
        }
        if let Some(longest) = self.read("OTEL_METRIC_EXPORT_TIMEOUT", milliseconds) {
            endpoint.timeout = endpoint.timeout.min(longest);
        }
        endpoint.compression = self.exporter("COMPRESSION", compression).unwrap_or(Compression::None);
        let headers = self.exporter("HEADERS", |text| Ok(text.to_owned())).unwrap_or_default();
        for (name, value) in self.pairs("OTEL_EXPORTER_OTLP_HEADERS", &headers) {
            if let Err(reason) = endpoint.headers.add(&name, &value) {
                self.warnings.push(format!("the header {name:?} is ignored: {reason}"));
            }
        }
        let mut file = |name| self.exporter(name, |text| Ok(text.to_owned())).unwrap_or_default();
        endpoint.tls.ca_file = file("CERTIFICATE");
        endpoint.tls.cert_file = file("CLIENT_CERTIFICATE");
        endpoint.tls.key_file = file("CLIENT_KEY");
        if endpoint.tls.cert_file.is_empty() != endpoint.tls.key_file.is_empty() {
            self.ignored("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", "a certificate and a key, or neither");
            (endpoint.tls.cert_file, endpoint.tls.key_file) = Default::default();
        }
        Some(endpoint)
    }

    /// A URL that is only for metrics is taken as it is; to one for all signals the path is added.
    fn url(&mut self, protocol: Protocol) -> Option<EndpointUrl> {
        let insecure = self.exporter("INSECURE", boolean).unwrap_or(false);
        for (name, is_whole) in
            [("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", true), ("OTEL_EXPORTER_OTLP_ENDPOINT", false)]
        {
            let Some(mut text) = self.text(name) else { continue };
            if protocol == Protocol::Grpc {
                if !text.contains("://") {
                    text = format!("{}://{text}", if insecure { "http" } else { "https" });
                }
            } else if !is_whole {
                text = format!("{}/v1/metrics", text.trim_end_matches('/'));
            }
            match text.parse() {
                Ok(url) => return Some(url),
                Err(reason) => self.ignored(name, &format!("a URL: {reason}")),
            }
        }
        None
    }

    fn resource(&mut self) -> Vec<(String, String)> {
        let name = "OTEL_RESOURCE_ATTRIBUTES";
        let text = self.text(name).unwrap_or_default();
        let mut attributes = self.pairs(name, &text);
        attributes.extend(self.text("OTEL_SERVICE_NAME").map(|name| ("service.name".to_owned(), name)));
        attributes
    }

    /// `name=value,name=value`, with `%NN` for what has a meaning. One mistake makes all of it invalid.
    fn pairs(&mut self, variable: &str, text: &str) -> Vec<(String, String)> {
        let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
        let pairs = parts.map(|part| {
            let (name, value) = part.split_once('=')?;
            Some((decoded(name.trim())?, decoded(value.trim())?)).filter(|(name, _)| !name.is_empty())
        });
        pairs.collect::<Option<Vec<_>>>().unwrap_or_else(|| {
            self.ignored(variable, "name=value, and more of them after commas");
            Vec::new()
        })
    }
}

/// `%NN` stands for a byte.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
        bytes.push(match byte {
            b'%' => (digit(rest.next())? << 4 | digit(rest.next())?) as u8,
            byte => byte,
        });
    }
    String::from_utf8(bytes).ok()
}

fn boolean(text: &str) -> Result<bool, &'static str> {
    match text.to_ascii_lowercase().as_str() {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err("true or false"),
    }
}

fn milliseconds(text: &str) -> Result<Duration, &'static str> {
    let number = text.parse().ok().filter(|number| (1..=3_600_000).contains(number));
    number.map(Duration::from_millis).ok_or("a whole number of milliseconds, at most an hour")
}

fn protocol(text: &str) -> Result<Protocol, &'static str> {
    match text {
        "grpc" => Ok(Protocol::Grpc),
        "http/protobuf" => Ok(Protocol::Http),
        _ => Err("grpc or http/protobuf"),
    }
}

fn compression(text: &str) -> Result<Compression, &'static str> {
    match text {
        "gzip" => Ok(Compression::Gzip),
        "none" => Ok(Compression::None),
        _ => Err("gzip or none"),
    }
}

fn temporality(text: &str) -> Result<Temporality, &'static str> {
    match text.to_ascii_lowercase().as_str() {
        "cumulative" => Ok(Temporality::Cumulative),
        "delta" => Ok(Temporality::Delta),
        _ => Err("cumulative or delta (lowmemory would save nothing: the sums are in the kernel)"),
    }
}

fn histograms(text: &str) -> Result<HistogramForm, &'static str> {
    match text.to_ascii_lowercase().as_str() {
        "explicit_bucket_histogram" => Ok(HistogramForm::Explicit),
        "base2_exponential_bucket_histogram" => Ok(HistogramForm::Exponential),
        _ => Err("explicit_bucket_histogram or base2_exponential_bucket_histogram"),
    }
}

#[cfg(test)]
#[path = "environment_tests.rs"]
mod tests;
