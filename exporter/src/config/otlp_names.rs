//! URLs and headers of OTLP endpoints.

use std::{borrow::Cow, fmt, str::FromStr};

use hyper::{
    Uri,
    header::{HeaderName, HeaderValue},
    http::uri::PathAndQuery,
};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{
    Deserialize, Serialize, Serializer,
    de::{Deserializer, Error, MapAccess, Unexpected, Visitor},
};

use super::{
    text::{Written, explained},
    with::Pattern,
};

/// `http://` or `https://`, a host, and perhaps a port and a path.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EndpointUrl(Uri);

impl EndpointUrl {
    /// The URL.
    pub fn uri(&self) -> &Uri {
        &self.0
    }

    /// The same with the path at which receivers listen for metrics, unless it has one.
    #[must_use]
    pub fn or_usual_path(self) -> Self {
        if self.path().is_some() {
            return self;
        }
        let mut parts = self.0.into_parts();
        parts.path_and_query = Some(PathAndQuery::from_static("/v1/metrics"));
        Self(Uri::from_parts(parts).expect("with a path a URL stays one"))
    }

    /// The path, unless it is empty.
    pub fn path(&self) -> Option<&str> {
        Some(self.0.path()).filter(|path| *path != "/" && !path.is_empty())
    }
}

impl fmt::Display for EndpointUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for EndpointUrl {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let uri: Uri = text.parse().map_err(|_| "not a URL")?;
        if !matches!(uri.scheme_str(), Some("http" | "https")) {
            return Err("begin with http:// or https://");
        }
        if uri.query().is_some() {
            return Err("without a query");
        }
        if uri.authority().is_some_and(|authority| authority.as_str().contains('@')) {
            return Err("without a user: send an authorization header instead");
        }
        Ok(Self(uri))
    }
}

impl Written for EndpointUrl {
    const EXPECTED: &'static str = "a URL, such as http://127.0.0.1:4318";
}

impl Pattern for EndpointUrl {
    const PATTERN: &'static str = "^[Hh][Tt][Tt][Pp][Ss]?://[^/?#@]+(/[^?]*)?$";
}

/// Headers that are the protocol's to set.
const THE_PROTOCOLS: [&str; 5] = ["content-type", "content-length", "content-encoding", "host", "te"];

/// Headers that are sent along. Their values are credentials, often, and never shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Headers(Vec<(HeaderName, HeaderValue)>);

impl Headers {
    /// Adds one.
    ///
    /// # Errors
    ///
    /// When it can't be a header, or is one that the protocol sets.
    pub fn add(&mut self, name: &str, value: &str) -> Result<(), &'static str> {
        let name: HeaderName = name.parse().map_err(|_| "not the name of a header")?;
        if THE_PROTOCOLS.contains(&name.as_str()) {
            return Err("the protocol sets this header");
        }
        let mut value: HeaderValue = value.parse().map_err(|_| "not the value of a header")?;
        value.set_sensitive(true);
        self.0.push((name, value));
        Ok(())
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &(HeaderName, HeaderValue)> {
        self.0.iter()
    }
}

impl<'de> Deserialize<'de> for Headers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Mapping;

        impl<'de> Visitor<'de> for Mapping {
            type Value = Headers;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a mapping from headers to their values, in quotes")
            }

            fn visit_unit<E: Error>(self) -> Result<Headers, E> {
                Ok(Headers::default())
            }

            fn visit_map<A: MapAccess<'de>>(self, mut mapping: A) -> Result<Headers, A::Error> {
                let mut headers = Headers::default();
                while let Some(name) = mapping.next_key::<String>()? {
                    let value = mapping.next_value::<String>()?;
                    headers.add(&name, &value).map_err(|reason| {
                        explained(Unexpected::Str(&name), "a header and its value", reason)
                    })?;
                }
                Ok(headers)
            }
        }

        deserializer.deserialize_any(Mapping)
    }
}

/// Names only: values are credentials.
impl Serialize for Headers {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter().map(|(name, _)| (name.as_str(), "(not shown)")))
    }
}

impl JsonSchema for Headers {
    fn schema_name() -> Cow<'static, str> {
        "Headers".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object",
            // RFC 9110's tokens.
            "propertyNames": {
                "pattern": "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$",
                "not": { "enum": THE_PROTOCOLS },
            },
            "additionalProperties": { "type": "string" },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_have_a_scheme_and_no_credentials() {
        let path = |text: &str| text.parse::<EndpointUrl>().map(|url| url.path().map(str::to_owned));
        assert_eq!(path("http://127.0.0.1:4318"), Ok(None));
        assert_eq!(path("https://otlp.example.org/"), Ok(None));
        assert_eq!(path("https://a/api/v1/otlp/v1/metrics"), Ok(Some("/api/v1/otlp/v1/metrics".into())));
        let usual = |text: &str| text.parse::<EndpointUrl>().map(|url| url.or_usual_path().to_string());
        assert_eq!(usual("http://a:1"), Ok("http://a:1/v1/metrics".into()));
        assert_eq!(usual("http://a:1/b"), Ok("http://a:1/b".into()));
        for bad in ["", "127.0.0.1:4317", "ftp://a", "http://", "http://a:b@c", "http://a/?token=b"] {
            assert!(path(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn values_of_headers_are_never_shown() {
        let mut headers = Headers::default();
        headers.add("Authorization", "Bearer secret").expect("valid");
        assert!(!format!("{headers:?}").contains("secret"));
        assert!(headers.add("a b", "c").is_err());
        assert!(headers.add("a", "b\n").is_err());
        assert!(headers.add("Content-Type", "text/plain").is_err());
    }
}
