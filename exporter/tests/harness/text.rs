//! Reading Prometheus' text format 0.0.4, strictly.

use std::collections::{BTreeMap, btree_map::Entry};

/// A series' name and labels.
pub(crate) type Name = (String, BTreeMap<String, String>);

/// One scrape.
#[derive(Debug)]
pub(crate) struct Scrape {
    pub(crate) samples: BTreeMap<Name, f64>,
    /// `counter`, `gauge`, `histogram` … by the family's name.
    pub(crate) types: BTreeMap<String, String>,
}

impl Scrape {
    /// Fails on malformed lines and on series that are there twice.
    pub(crate) fn parse(text: &str) -> Self {
        let mut scrape = Self { samples: BTreeMap::new(), types: BTreeMap::new() };
        for line in text.lines().filter(|line| !line.is_empty()) {
            if let Some(rest) = line.strip_prefix("# TYPE ") {
                let (name, kind) = rest.split_once(' ').expect("a name and a type");
                let before = scrape.types.insert(name.to_owned(), kind.to_owned());
                assert_eq!(before, None, "{name} is declared twice");
            } else if !line.starts_with('#') {
                let (name, value) = sample(line).unwrap_or_else(|| panic!("malformed: {line}"));
                match scrape.samples.entry(name) {
                    Entry::Vacant(vacant) => vacant.insert(value),
                    Entry::Occupied(_) => panic!("a series is there twice: {line}"),
                };
            }
        }
        scrape
    }

    /// All series of this name that have these labels, whatever others they have.
    pub(crate) fn series<'a>(
        &'a self,
        name: &'a str,
        labels: &'a [(&'a str, &'a str)],
    ) -> impl Iterator<Item = (&'a BTreeMap<String, String>, f64)> {
        self.samples.iter().filter_map(move |((found, has), value)| {
            let matches = found == name
                && labels.iter().all(|(name, value)| has.get(*name).is_some_and(|found| found == value));
            matches.then_some((has, *value))
        })
    }

    /// Their sum; counts are exact below 2^53.
    pub(crate) fn sum(&self, name: &str, labels: &[(&str, &str)]) -> u64 {
        self.series(name, labels).map(|(_, value)| value as u64).sum()
    }

    /// Their sum in nanoseconds, when they are seconds. Exact below 2^53 ns, which is 104 days.
    pub(crate) fn nanoseconds(&self, name: &str, labels: &[(&str, &str)]) -> u64 {
        self.series(name, labels).map(|(_, value)| (value * 1e9).round() as u64).sum()
    }

    /// Whether a series never goes back: counters, and all parts of histograms.
    pub(crate) fn is_counter(&self, name: &str) -> bool {
        let kind = |name: &str| self.types.get(name).map(String::as_str);
        kind(name) == Some("counter")
            || ["_bucket", "_sum", "_count"]
                .iter()
                .filter_map(|part| name.strip_suffix(part))
                .any(|family| kind(family) == Some("histogram"))
    }
}

/// What has happened between two scrapes.
pub(crate) struct Between {
    pub(crate) before: Scrape,
    pub(crate) after: Scrape,
}

impl Between {
    /// Growth of [`Scrape::sum`].
    #[track_caller]
    pub(crate) fn count(&self, name: &str, labels: &[(&str, &str)]) -> u64 {
        grown(self.before.sum(name, labels), self.after.sum(name, labels))
    }

    /// Growth of [`Scrape::nanoseconds`].
    #[track_caller]
    pub(crate) fn nanoseconds(&self, name: &str, labels: &[(&str, &str)]) -> u64 {
        grown(self.before.nanoseconds(name, labels), self.after.nanoseconds(name, labels))
    }
}

#[track_caller]
fn grown(before: u64, after: u64) -> u64 {
    after.checked_sub(before).unwrap_or_else(|| panic!("went back from {before} to {after}"))
}

fn sample(line: &str) -> Option<(Name, f64)> {
    let end = line.find(['{', ' '])?;
    let (name, mut rest) = line.split_at(end);
    let mut labels = BTreeMap::new();
    if let Some(inner) = rest.strip_prefix('{') {
        rest = inner;
        while !rest.starts_with('}') {
            let (label, quoted) = rest.split_once("=\"")?;
            let (value, after) = unescaped(quoted)?;
            if labels.insert(label.to_owned(), value).is_some() {
                return None;
            }
            rest = after.strip_prefix(',').unwrap_or(after);
        }
        rest = &rest[1..];
    }
    Some(((name.to_owned(), labels), rest.strip_prefix(' ')?.parse().ok()?))
}

/// The value up to the closing quote, and what follows it.
fn unescaped(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((value, &text[at + 1..])),
            '\\' => value.push(match characters.next()?.1 {
                'n' => '\n',
                escaped @ ('\\' | '"') => escaped,
                _ => return None,
            }),
            other => value.push(other),
        }
    }
    None
}

#[test]
fn reads_what_is_hard_to_read() {
    let scrape = Scrape::parse("# TYPE a counter\na{b=\"c\\\\d\\\"e\\n}\",f=\"\"} 1e-09\na 2\n");
    let labels = [("b", "c\\d\"e\n}"), ("f", "")];
    assert_eq!(scrape.nanoseconds("a", &labels), 1);
    assert_eq!(scrape.sum("a", &[]), 2);
    assert!(scrape.is_counter("a"));
}

#[test]
#[should_panic(expected = "a series is there twice")]
fn refuses_a_series_that_is_there_twice() {
    Scrape::parse("a{b=\"1\"} 1\na{b=\"1\"} 1\n");
}
