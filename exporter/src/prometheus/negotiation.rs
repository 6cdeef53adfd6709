//! Which format, and whether compressed: `Accept` and `Accept-Encoding` as RFC 9110 defines them.
//!
//! Whatever a client sends, it gets an answer: what cannot be understood is skipped, and when nothing is
//! left, or nothing fits, it gets text without compression, as from every other exporter.
//!
//! `escaping` is understood and needs nothing: all our names are plain ASCII, the same under every scheme.

/// A format of the exposition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// Text 0.0.4, which everything reads.
    Text,
    /// OpenMetrics 1.0.0.
    OpenMetrics,
    /// Length-delimited `io.prometheus.client.MetricFamily`, the only one with native histograms.
    Protobuf,
}

impl Format {
    /// All formats. Where a client likes several equally, it gets the first.
    pub const ALL: [Self; 3] = [Self::Text, Self::OpenMetrics, Self::Protobuf];

    /// The value of `Content-Type`.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Protobuf => {
                "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"
            }
        }
    }

    /// A word for labels of metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::OpenMetrics => "openmetrics",
            Self::Protobuf => "protobuf",
        }
    }

    /// The format that the values of `Accept` ask for.
    ///
    /// Of the ranges that fit a format the most specific one gives its quality. The best quality wins; among
    /// equals the more specific range, then the one that was named first.
    pub fn negotiate<'a>(accept: impl IntoIterator<Item = &'a str>) -> Self {
        let ranges: Vec<Range> = elements(accept).filter_map(Range::parse).collect();
        let rank = |format: Self| {
            let fitting = ranges.iter().enumerate();
            fitting
                .filter_map(|(place, range)| Some((range.specificity(format)?, place, range.quality)))
                .max_by_key(|(specificity, place, _)| (*specificity, usize::MAX - place))
                .filter(|(_, _, quality)| *quality > 0)
                .map(|(specificity, place, quality)| (quality, specificity, usize::MAX - place))
        };
        // `max_by_key` takes the last of equals.
        let best = Self::ALL.into_iter().rev().filter_map(|format| Some((format, rank(format)?)));
        best.max_by_key(|(_, rank)| *rank).map_or(Self::Text, |(format, _)| format)
    }
}

/// Whether the values of `Accept-Encoding` prefer gzip to no compression.
pub fn wants_gzip<'a>(accept_encoding: impl IntoIterator<Item = &'a str>) -> bool {
    let (mut gzip, mut identity, mut any) = (None, None, None);
    for element in elements(accept_encoding) {
        let mut parts = element.split(';');
        let coding = parts.next().unwrap_or_default().trim().to_ascii_lowercase();
        let Some(quality) = quality(parts) else { continue };
        match coding.as_str() {
            "gzip" | "x-gzip" => gzip = Some(quality),
            "identity" => identity = Some(quality),
            "*" => any = Some(quality),
            _ => {}
        }
    }
    // No compression is always acceptable, but nobody asked for it unless it is named.
    gzip.or(any).is_some_and(|gzip| gzip > 0 && gzip >= identity.unwrap_or(0))
}

/// The elements of a list that may be spread over several header lines.
fn elements<'a>(values: impl IntoIterator<Item = &'a str>) -> impl Iterator<Item = &'a str> {
    values.into_iter().flat_map(|value| value.split(',')).map(str::trim).filter(|element| !element.is_empty())
}

/// The quality among these parameters, in thousandths; `None` when there is one and it is malformed.
fn quality<'a>(mut parameters: impl Iterator<Item = &'a str>) -> Option<u16> {
    let q = parameters.find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim().eq_ignore_ascii_case("q").then(|| value.trim())
    });
    let Some(q) = q else { return Some(1000) };
    let (whole, fraction) = q.split_once('.').unwrap_or((q, ""));
    if fraction.len() > 3 || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let thousandths = fraction
        .bytes()
        .fold((0, 100), |(sum, weight), digit| (sum + weight * u16::from(digit - b'0'), weight / 10))
        .0;
    match whole {
        "0" => Some(thousandths),
        "1" if thousandths == 0 => Some(1000),
        _ => None,
    }
}

/// One media range of `Accept`.
struct Range<'a> {
    kind: &'a str,
    subtype: &'a str,
    /// Without `q` and `escaping`.
    parameters: Vec<(&'a str, &'a str)>,
    /// In thousandths.
    quality: u16,
}

impl<'a> Range<'a> {
    fn parse(element: &'a str) -> Option<Self> {
        let mut parts = element.split(';').map(str::trim);
        let (kind, subtype) = parts.next()?.split_once('/')?;
        let quality = quality(parts.clone())?;
        let parameters = parts
            .filter(|parameter| !parameter.is_empty())
            .map(|parameter| {
                let (name, value) = parameter.split_once('=')?;
                Some((name.trim(), value.trim().trim_matches('"')))
            })
            .collect::<Option<Vec<_>>>()?
            .into_iter()
            .filter(|(name, _)| !["q", "escaping"].iter().any(|known| name.eq_ignore_ascii_case(known)))
            .collect();
        Some(Self { kind, subtype, parameters, quality })
    }

    /// How closely this range describes the format, if it does. A parameter that is not named fits.
    fn specificity(&self, format: Format) -> Option<usize> {
        let mut parts = format.content_type().split("; ");
        let (kind, subtype) = parts.next()?.split_once('/')?;
        let own: Vec<(&str, &str)> = parts.filter_map(|parameter| parameter.split_once('=')).collect();
        let same = |asked: &(&str, &str)| {
            own.iter().any(|own| asked.0.eq_ignore_ascii_case(own.0) && asked.1.eq_ignore_ascii_case(own.1))
        };
        if !self.parameters.iter().all(same) {
            return None;
        }
        match (self.kind, self.subtype) {
            ("*", "*") => Some(0),
            (asked, "*") if asked.eq_ignore_ascii_case(kind) => Some(1),
            (asked, sub) if asked.eq_ignore_ascii_case(kind) && sub.eq_ignore_ascii_case(subtype) => {
                // Each parameter once, however often it is written.
                let named = |(name, _): &&(&str, &str)| {
                    self.parameters.iter().any(|asked| asked.0.eq_ignore_ascii_case(name))
                };
                Some(2 + own.iter().filter(named).count())
            }
            _ => None,
        }
    }
}

#[cfg(test)]
#[path = "negotiation_tests.rs"]
mod tests;
