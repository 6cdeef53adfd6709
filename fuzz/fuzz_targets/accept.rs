//! Any text as `Accept` and as `Accept-Encoding`, a line for each time that the header is given: there always is an
//! answer, and it is the one that qualities ask for. There is no second implementation to compare with; instead
//! something is put before a header of which it is known how it changes the answer.

#![no_main]

use kernel_exporter::prometheus::{Format, negotiation::wants_gzip};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let lines: Vec<&str> = text.lines().collect();
    let chosen = Format::negotiate(lines.iter().copied());
    how_it_is_written_does_not_matter(&lines, chosen);
    for format in Format::ALL {
        qualities_are_obeyed(&lines, chosen, format);
    }
    compression(&lines);
});

fn how_it_is_written_does_not_matter(lines: &[&str], chosen: Format) {
    let joined = lines.join(",");
    assert_eq!(Format::negotiate([joined.as_str()]), chosen, "on one line");
    assert_eq!(Format::negotiate([joined.to_ascii_uppercase().as_str()]), chosen, "in capitals");
}

/// A range that names everything about a format is the most specific one, and the first of several such holds.
fn qualities_are_obeyed(lines: &[&str], chosen: Format, format: Format) {
    let with =
        |ranges: &[String]| Format::negotiate(ranges.iter().map(String::as_str).chain(lines.iter().copied()));
    let exactly = |format: Format, quality: &str| format!("{};q={quality}", format.content_type());
    let others = Format::ALL.into_iter().filter(|other| *other != format);

    let excluded = with(&[exactly(format, "0")]);
    assert!(excluded != format || format == Format::Text, "{format:?} was excluded");
    assert!(excluded == chosen || chosen == format || excluded == Format::Text, "another one was excluded");

    let mut only: Vec<String> = others.map(|other| exactly(other, "0")).collect();
    only.push(exactly(format, "0.001"));
    assert_eq!(with(&only), format, "only {format:?} is acceptable");

    if chosen == format {
        assert_eq!(with(&[exactly(format, "1")]), format, "it is liked even better");
    }
}

/// Of several qualities for one coding the last holds.
fn compression(lines: &[&str]) {
    let with = |codings: &'static str| wants_gzip(lines.iter().copied().chain([codings]));
    wants_gzip(lines.iter().copied());
    assert!(with("identity;q=0.5, gzip;q=0.5"));
    assert!(!with("identity;q=0.5, gzip;q=0.4"));
    assert!(!with("gzip;q=0"));
}
