//! Linters and strict parsers have nothing to say about the expositions.

use std::process::Command;

use crate::{
    exporter::Exporter,
    tools::{fed, or_skip, prometheus_tool, python, root},
    wire::{OPENMETRICS, TEXT, of_one_read},
};

#[test]
fn promtool_finds_nothing_to_improve() {
    or_skip!(root());
    let promtool = or_skip!(prometheus_tool("promtool"));
    let text = Exporter::start("").text();
    let (complaints, content) = fed(Command::new(promtool).args(["check", "metrics"]), text.as_bytes());
    assert_eq!((complaints.as_str(), content), ("", true));
}

/// Counts the samples of the text on standard input, or ends with the first thing that is wrong.
const COUNT: &str = "
import sys
openmetrics = sys.argv[1] == 'openmetrics'
if openmetrics:
    from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse
else:
    from prometheus_client.parser import text_string_to_metric_families as parse
text = sys.stdin.buffer.read().decode('utf-8')
seen = set()
for family in parse(text):
    for sample in family.samples:
        series = (sample.name, tuple(sorted(sample.labels.items())))
        assert series not in seen, f'twice: {series}'
        seen.add(series)
print(len(seen))
";

#[test]
fn strict_parsers_find_the_same_samples_in_both_texts() {
    or_skip!(root());
    let python = or_skip!(python());
    let exporter = Exporter::start("");
    let [text, openmetrics] = of_one_read(&exporter, [&[("Accept", TEXT)], &[("Accept", OPENMETRICS)]]);
    let count = |dialect: &str, body: &[u8]| {
        let (printed, content) = fed(Command::new(&python).args(["-c", COUNT, dialect]), body);
        assert!(content, "{printed}");
        printed.trim().parse::<usize>().expect("a number")
    };
    let samples = count("text", &text.body);
    assert_eq!(samples, count("openmetrics", &openmetrics.body));
    let lines = text.text().lines().filter(|line| !line.starts_with('#')).count();
    assert_eq!(samples, lines, "every line is a sample");
    println!("{samples} samples");
    assert!(samples > 500, "{samples} samples");
}
