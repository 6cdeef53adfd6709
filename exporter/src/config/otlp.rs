//! Where to push metrics by OTLP, and in what form.

use std::{fmt, time::Duration};

use schemars::{JsonSchema, Schema};
use serde::{
    Deserialize, Serialize,
    de::{DeserializeSeed, Deserializer, Error, SeqAccess, Visitor},
};

use crate::catalogue::Kind;

use super::{
    otlp_names::{EndpointUrl, Headers},
    with::{PerhapsMilliseconds, Text},
};

/// Push by OTLP. Without endpoints nothing is pushed, unless the environment names one. What is nothing here is
/// what OpenTelemetry's environment variables say, and else the default.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Otlp {
    /// To whom; each gets everything.
    #[serde(deserialize_with = "distinct")]
    pub endpoints: Vec<Endpoint>,
    /// The time between two pushes.
    #[serde(with = "PerhapsMilliseconds::<1_000, 3_600_000>")]
    pub interval: Option<Duration>,
    /// What counters and histograms count from.
    pub temporality: Option<Temporality>,
    /// Which buckets histograms have.
    pub histograms: Option<HistogramForm>,
    /// Say which container it was in resources, one for each, and not in the attributes of points.
    pub resource_per_container: bool,
}

/// What counters and histograms count from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Temporality {
    /// The start of their series.
    #[default]
    Cumulative,
    /// The last push.
    Delta,
    /// Histograms from the last push, counters from their start, as OpenTelemetry has it for counters that
    /// somebody else sums, as the kernel does.
    #[serde(rename = "lowmemory")]
    LowMemory,
}

impl Temporality {
    /// Whether metrics of this kind count from the last push.
    pub fn is_delta(self, kind: Kind) -> bool {
        match (self, kind) {
            (Self::Cumulative, _) | (_, Kind::Gauge) | (Self::LowMemory, Kind::Counter) => false,
            (Self::Delta | Self::LowMemory, _) => true,
        }
    }
}

/// Which buckets histograms have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum HistogramForm {
    /// The kernel's own, or whole ones of them merged to the config's scale.
    #[default]
    Exponential,
    /// Those of classic histograms, with the config's bounds.
    Explicit,
}

/// One endpoint.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(transform = url_is_required)]
pub struct Endpoint {
    /// Where it is.
    #[serde(with = "Text::<EndpointUrl>")]
    pub url: EndpointUrl,
    /// How it is spoken to.
    pub protocol: Option<Protocol>,
    /// Sent along with each request.
    pub headers: Option<Headers>,
    /// How long a request may take.
    #[serde(with = "PerhapsMilliseconds::<100, 300_000>")]
    pub timeout: Option<Duration>,
    /// How requests are compressed.
    pub compression: Option<Compression>,
    /// Whom to believe, and how to be believed.
    pub tls: ClientTls,
}

/// All keys have a default, as everywhere, but that of the URL is none that could be used.
fn url_is_required(schema: &mut Schema) {
    schema.insert("required".to_owned(), ["url"].into());
    if let Some(url) = schema.pointer_mut("/properties/url").and_then(|url| url.as_object_mut()) {
        url.remove("default");
    }
}

/// How an endpoint is spoken to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub enum Protocol {
    /// Protobuf in HTTP POST requests.
    #[default]
    #[serde(rename = "http/protobuf")]
    Http,
    /// gRPC.
    #[serde(rename = "grpc")]
    Grpc,
}

/// How requests are compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Compression {
    /// By gzip.
    #[default]
    Gzip,
    /// Not at all.
    None,
}

/// TLS as a client.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ClientTls {
    /// The file with the CAs to believe; empty for the environment's, or else the system's.
    pub ca_file: String,
    /// The file with the certificate to show; empty for the environment's, or else none.
    pub cert_file: String,
    /// The file with its key.
    pub key_file: String,
}

/// Reads the list of endpoints. The URL is by what metrics and the log tell them apart.
fn distinct<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Endpoint>, D::Error> {
    struct List;

    impl<'de> Visitor<'de> for List {
        type Value = Vec<Endpoint>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a list of endpoints, such as [{url: \"http://127.0.0.1:4318\"}]")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
            let mut endpoints = Vec::new();
            while let Some(endpoint) = list.next_element_seed(Next(&endpoints))? {
                endpoints.push(endpoint);
            }
            Ok(endpoints)
        }
    }

    deserializer.deserialize_seq(List)
}

/// Reads one endpoint behind others. It is checked while it is at the element, so that an error has the
/// element's path.
struct Next<'a>(&'a [Endpoint]);

impl<'de> DeserializeSeed<'de> for Next<'_> {
    type Value = Endpoint;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Endpoint, D::Error> {
        let endpoint = Endpoint::deserialize(deserializer)?;
        if endpoint.url == EndpointUrl::default() {
            return Err(D::Error::custom("url is missing"));
        }
        if endpoint.protocol == Some(Protocol::Grpc) && endpoint.url.path().is_some() {
            return Err(D::Error::custom("the url has a path, of which gRPC has no use"));
        }
        if endpoint.tls.cert_file.is_empty() != endpoint.tls.key_file.is_empty() {
            return Err(D::Error::custom("tls needs both cert_file and key_file, or neither"));
        }
        if self.0.iter().any(|other| other.url == endpoint.url) {
            return Err(D::Error::custom(format_args!("the url {} is already in the list", endpoint.url)));
        }
        Ok(endpoint)
    }
}
