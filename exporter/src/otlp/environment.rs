//! The environment variables of OpenTelemetry's specification.
//!
//! A value that is invalid is warned about and ignored, as the specification has it, and an empty one is as good as
//! none. What a variable for metrics says wins over what the one for all signals says.

use std::time::Duration;

use crate::config::{Compression, EndpointUrl, Headers, HistogramForm, Protocol, Temporality};

/// A timeout of 0 is none, to the specification. Here it is so long: nobody waits longer for an answer.
const NO_TIMEOUT: Duration = Duration::from_secs(60 * 60);

/// The longest time to which the specification obliges, in milliseconds.
const LONGEST: u64 = i32::MAX as u64;

/// What the environment says; what it doesn't say is `None` or empty.
#[derive(Debug, Default)]
pub(super) struct Environment {
    pub(super) disabled: bool,
    /// Where requests go, with the path.
    pub(super) endpoint: Option<EndpointUrl>,
    pub(super) protocol: Option<Protocol>,
    pub(super) headers: Option<Headers>,
    pub(super) timeout: Option<Duration>,
    pub(super) compression: Option<Compression>,
    pub(super) ca_file: String,
    /// The files of a certificate and its key.
    pub(super) identity: Option<(String, String)>,
    pub(super) interval: Option<Duration>,
    pub(super) temporality: Option<Temporality>,
    pub(super) histograms: Option<HistogramForm>,
    /// The resource's attributes; the last one of a name wins.
    pub(super) resource: Vec<(String, String)>,
    /// What is ignored, a sentence each.
    pub(super) warnings: Vec<String>,
}

impl Environment {
    /// What the variables say that `lookup` finds.
    pub(super) fn read(lookup: impl Fn(&str) -> Option<String>) -> Self {
        let mut variables = Variables { lookup, warnings: Vec::new() };
        let protocol = variables.exporter("PROTOCOL", protocol);
        let mut found = Self {
            disabled: variables.flag("OTEL_SDK_DISABLED").unwrap_or(false),
            endpoint: variables.endpoint(protocol.unwrap_or_default()),
            protocol,
            headers: variables.exporter("HEADERS", headers),
            timeout: variables.timeout(),
            compression: variables.exporter("COMPRESSION", compression),
            ca_file: variables.exporter("CERTIFICATE", text).unwrap_or_default(),
            identity: variables.identity(),
            interval: variables.read("OTEL_METRIC_EXPORT_INTERVAL", interval),
            temporality: variables.read("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", temporality),
            histograms: variables
                .read("OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION", histograms),
            resource: variables.resource(),
            warnings: Vec::new(),
        };
        found.warnings = variables.warnings;
        found
    }
}

struct Variables<F> {
    lookup: F,
    warnings: Vec<String>,
}

/// Turns text into a value, or says what is expected. The text is not shown: it may be a credential.
type Reads<T> = fn(&str) -> Result<T, &'static str>;

impl<F: Fn(&str) -> Option<String>> Variables<F> {
    fn text(&self, name: &str) -> Option<String> {
        (self.lookup)(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
    }

    fn read<T>(&mut self, name: &str, reads: Reads<T>) -> Option<T> {
        let value = self.text(name)?;
        reads(&value).inspect_err(|expected| self.ignored(name, expected)).ok()
    }

    /// What is not true is false, to the specification, and so hides what a more general variable says.
    fn flag(&mut self, name: &str) -> Option<bool> {
        let text = self.text(name)?;
        let is_true = text.eq_ignore_ascii_case("true");
        if !is_true && !text.eq_ignore_ascii_case("false") {
            self.warnings.push(format!("{name} counts as false: expected true or false"));
        }
        Some(is_true)
    }

    fn ignored(&mut self, name: &str, expected: &str) {
        self.warnings.push(format!("{name} is ignored: expected {expected}"));
    }

    /// A setting of all signals' exporters, or the one that is only for metrics, which wins.
    fn exporter<T>(&mut self, name: &str, reads: Reads<T>) -> Option<T> {
        let of_metrics = self.read(&format!("OTEL_EXPORTER_OTLP_METRICS_{name}"), reads);
        of_metrics.or_else(|| self.read(&format!("OTEL_EXPORTER_OTLP_{name}"), reads))
    }

    /// None is guessed, unless somebody asks for this exporter by its name.
    fn endpoint(&mut self, protocol: Protocol) -> Option<EndpointUrl> {
        let exporters = self.text("OTEL_METRICS_EXPORTER").map(|list| list.to_ascii_lowercase());
        let is_asked_for = exporters.map(|list| list.split(',').any(|exporter| exporter.trim() == "otlp"));
        let usual = match protocol {
            Protocol::Http => "http://localhost:4318/v1/metrics",
            Protocol::Grpc => "http://localhost:4317",
        };
        match is_asked_for {
            Some(false) => None,
            Some(true) => self.url(protocol).or_else(|| usual.parse().ok()),
            None => self.url(protocol),
        }
    }

    /// A URL that is only for metrics is taken as it is; to one for all signals the path is added.
    fn url(&mut self, protocol: Protocol) -> Option<EndpointUrl> {
        let insecure = self.flag("OTEL_EXPORTER_OTLP_METRICS_INSECURE");
        let insecure = insecure.or_else(|| self.flag("OTEL_EXPORTER_OTLP_INSECURE")).unwrap_or(false);
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

    /// An exporter's timeout is for one request, and so is never longer than that for all of an export.
    fn timeout(&mut self) -> Option<Duration> {
        let of_request = self.exporter("TIMEOUT", timeout);
        let of_export = self.read("OTEL_METRIC_EXPORT_TIMEOUT", timeout);
        let default = super::Destination::default().timeout;
        of_export.map(|longest| of_request.unwrap_or(default).min(longest)).or(of_request)
    }

    fn identity(&mut self) -> Option<(String, String)> {
        let certificate = self.exporter("CLIENT_CERTIFICATE", text);
        let key = self.exporter("CLIENT_KEY", text);
        if certificate.is_some() != key.is_some() {
            self.ignored("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", "a certificate and a key, or neither");
        }
        certificate.zip(key)
    }

    fn resource(&mut self) -> Vec<(String, String)> {
        let pairs: Reads<_> = |text| {
            let both = |(name, value)| Some((decoded(name)?, decoded(value)?));
            pairs(text).and_then(|pairs| pairs.into_iter().map(both).collect::<Option<Vec<_>>>()).ok_or(PAIRS)
        };
        let mut attributes: Vec<_> = self.read("OTEL_RESOURCE_ATTRIBUTES", pairs).unwrap_or_default();
        attributes.extend(self.text("OTEL_SERVICE_NAME").map(|name| ("service.name".to_owned(), name)));
        attributes
    }
}

const PAIRS: &str = "name=value, and more of them after commas";

/// `name=value,name=value`. One mistake makes all of it invalid.
fn pairs<'text>(text: &'text str) -> Option<Vec<(&'text str, &'text str)>> {
    let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
    let pair = |part: &'text str| {
        let (name, value) = part.split_once('=')?;
        Some((name.trim_end(), value.trim_start())).filter(|(name, _)| !name.is_empty())
    };
    parts.map(pair).collect()
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

/// As baggage has it: values are escaped, and names are tokens, in which `%` is a character like others.
fn headers(text: &str) -> Result<Headers, &'static str> {
    let mut headers = Headers::default();
    for (name, value) in pairs(text).ok_or(PAIRS)? {
        headers.add(name, &decoded(value).ok_or(PAIRS)?)?;
    }
    Ok(headers)
}

fn text(text: &str) -> Result<String, &'static str> {
    Ok(text.to_owned())
}

fn milliseconds(text: &str) -> Option<Duration> {
    text.parse().ok().filter(|number| *number <= LONGEST).map(Duration::from_millis)
}

fn interval(text: &str) -> Result<Duration, &'static str> {
    let interval = milliseconds(text).filter(|interval| *interval >= Duration::from_secs(1));
    interval.ok_or("a whole number of milliseconds, at least 1000")
}

fn timeout(text: &str) -> Result<Duration, &'static str> {
    let timeout = milliseconds(text).ok_or("a whole number of milliseconds")?;
    Ok(if timeout.is_zero() { NO_TIMEOUT } else { timeout })
}

fn protocol(text: &str) -> Result<Protocol, &'static str> {
    match text.to_ascii_lowercase().as_str() {
        "grpc" => Ok(Protocol::Grpc),
        "http/protobuf" => Ok(Protocol::Http),
        _ => Err("grpc or http/protobuf"),
    }
}

fn compression(text: &str) -> Result<Compression, &'static str> {
    match text.to_ascii_lowercase().as_str() {
        "gzip" => Ok(Compression::Gzip),
        "none" => Ok(Compression::None),
        _ => Err("gzip or none"),
    }
}

fn temporality(text: &str) -> Result<Temporality, &'static str> {
    match text.to_ascii_lowercase().as_str() {
        "cumulative" => Ok(Temporality::Cumulative),
        "delta" => Ok(Temporality::Delta),
        "lowmemory" => Ok(Temporality::LowMemory),
        _ => Err("cumulative, delta or lowmemory"),
    }
}

fn histograms(text: &str) -> Result<HistogramForm, &'static str> {
    match text.to_ascii_lowercase().as_str() {
        "explicit_bucket_histogram" => Ok(HistogramForm::Explicit),
        "base2_exponential_bucket_histogram" => Ok(HistogramForm::Exponential),
        _ => Err("explicit_bucket_histogram or base2_exponential_bucket_histogram"),
    }
}
