//! The lines of both text formats, and nothing about where their content comes from.

use ::prometheus::proto::MetricType;

use super::number::{Number, push_whole};

/// Which text format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    /// Text 0.0.4.
    Text,
    /// OpenMetrics 1.0.0: the counter's family is named without `_total`, quotes in help are escaped, units
    /// have a line, and there is an end.
    OpenMetrics,
}

/// Text in the making: a family, in it series, in them samples.
pub(super) struct Lines {
    text: String,
    dialect: Dialect,
    /// Name of the current family's samples, but for their suffixes.
    name: String,
    /// Labels of the current series without braces, already escaped: a histogram writes them 30 times.
    labels: String,
}

impl Lines {
    /// No lines yet, and room for as many bytes.
    pub(super) fn with_capacity(dialect: Dialect, bytes: usize) -> Self {
        Self { text: String::with_capacity(bytes), dialect, name: String::new(), labels: String::new() }
    }

    /// Begins a family.
    pub(super) fn family(&mut self, name: &str, kind: MetricType, help: &str) {
        name.clone_into(&mut self.name);
        let openmetrics = self.dialect == Dialect::OpenMetrics;
        let (family, kind) = match (kind, name.strip_suffix("_total")) {
            (MetricType::COUNTER, Some(family)) if openmetrics => (family, "counter"),
            // OpenMetrics has no counters of other names.
            (MetricType::COUNTER, None) if openmetrics => (name, "unknown"),
            (MetricType::COUNTER, _) => (name, "counter"),
            (MetricType::HISTOGRAM, _) => (name, "histogram"),
            _ => (name, "gauge"),
        };
        for part in ["# HELP ", family, " "] {
            self.text.push_str(part);
        }
        push_escaped(&mut self.text, help, openmetrics);
        for part in ["\n# TYPE ", family, " ", kind, "\n"] {
            self.text.push_str(part);
        }
        if openmetrics && let Some(unit) = unit(family) {
            for part in ["# UNIT ", family, " ", unit, "\n"] {
                self.text.push_str(part);
            }
        }
    }

    /// Begins a series of the current family.
    pub(super) fn series<'a>(&mut self, labels: impl Iterator<Item = (&'a str, &'a str)>) {
        self.labels.clear();
        for (key, value) in labels {
            if !self.labels.is_empty() {
                self.labels.push(',');
            }
            self.labels.push_str(key);
            self.labels.push_str("=\"");
            push_escaped(&mut self.labels, value, true);
            self.labels.push('"');
        }
    }

    /// A sample of the current series.
    pub(super) fn sample(&mut self, suffix: &str, value: Number) {
        self.text.push_str(&self.name);
        self.text.push_str(suffix);
        if !self.labels.is_empty() {
            self.text.push('{');
            self.text.push_str(&self.labels);
            self.text.push('}');
        }
        self.text.push(' ');
        value.push_to(&mut self.text);
        self.text.push('\n');
    }

    /// A bucket of the current series: the samples at or below `le`.
    pub(super) fn bucket(&mut self, le: &str, samples: u64) {
        self.text.push_str(&self.name);
        self.text.push_str("_bucket{");
        if !self.labels.is_empty() {
            self.text.push_str(&self.labels);
            self.text.push(',');
        }
        self.text.push_str("le=\"");
        self.text.push_str(le);
        self.text.push_str("\"} ");
        push_whole(&mut self.text, samples);
        self.text.push('\n');
    }

    /// All lines.
    pub(super) fn finish(mut self) -> Vec<u8> {
        if self.dialect == Dialect::OpenMetrics {
            self.text.push_str("# EOF\n");
        }
        self.text.into_bytes()
    }
}

/// The unit in which a family's name ends.
fn unit(family: &str) -> Option<&str> {
    let (_, last) = family.rsplit_once('_')?;
    ["seconds", "bytes"].contains(&last).then_some(last)
}

/// Appends `text` with a backslash before backslashes and, where they are special, quotes, and with new
/// lines as `\n`.
fn push_escaped(to: &mut String, text: &str, quotes_are_special: bool) {
    // Almost every text is as it should be. All three are ASCII, so they are no parts of other characters.
    let special = |byte: u8| matches!(byte, b'\\' | b'\n') || (byte == b'"' && quotes_are_special);
    let mut rest = text;
    while let Some(at) = rest.bytes().position(special) {
        to.push_str(&rest[..at]);
        to.push('\\');
        to.push(if rest.as_bytes()[at] == b'\n' { 'n' } else { char::from(rest.as_bytes()[at]) });
        rest = &rest[at + 1..];
    }
    to.push_str(rest);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(dialect: Dialect, fill: impl FnOnce(&mut Lines)) -> String {
        let mut lines = Lines::with_capacity(dialect, 0);
        fill(&mut lines);
        String::from_utf8(lines.finish()).expect("text")
    }

    #[test]
    fn help_is_escaped_as_each_format_wants_it() {
        let help = |lines: &mut Lines| lines.family("a_total", MetricType::COUNTER, "a \"b\" \\ c\nd");
        assert_eq!(lines(Dialect::Text, help), "# HELP a_total a \"b\" \\\\ c\\nd\n# TYPE a_total counter\n");
        assert_eq!(
            lines(Dialect::OpenMetrics, help),
            "# HELP a a \\\"b\\\" \\\\ c\\nd\n# TYPE a counter\n# EOF\n"
        );
    }

    #[test]
    fn units_have_a_line_only_in_openmetrics() {
        let family = |lines: &mut Lines| lines.family("a_seconds_total", MetricType::COUNTER, "h");
        assert!(lines(Dialect::OpenMetrics, family).contains("\n# UNIT a_seconds seconds\n"));
        assert!(!lines(Dialect::Text, family).contains("UNIT"));
        let unitless = |lines: &mut Lines| lines.family("a_threads", MetricType::GAUGE, "h");
        assert!(!lines(Dialect::OpenMetrics, unitless).contains("UNIT"));
    }

    #[test]
    fn a_counter_without_total_is_unknown_to_openmetrics() {
        let family = |lines: &mut Lines| lines.family("a", MetricType::COUNTER, "h");
        assert!(lines(Dialect::OpenMetrics, family).contains("# TYPE a unknown\n"));
        assert!(lines(Dialect::Text, family).contains("# TYPE a counter\n"));
    }

    #[test]
    fn label_values_are_escaped() {
        let written = lines(Dialect::Text, |lines| {
            lines.name.push('m');
            lines.series([("k", "\\ \" \n é"), ("l", "")].into_iter());
            lines.sample("_sum", Number::Whole(1));
            lines.bucket("+Inf", 2);
        });
        assert_eq!(
            written,
            "m_sum{k=\"\\\\ \\\" \\n é\",l=\"\"} 1\nm_bucket{k=\"\\\\ \\\" \\n é\",l=\"\",le=\"+Inf\"} 2\n"
        );
    }
}
