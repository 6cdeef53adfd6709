//! `kernel-exporter check`: what a config means, in figures.

use std::ops::RangeInclusive;

use crate::config::{
    By, Collectors, Config, HistogramForm, Kubelet, Kubernetes, Otlp, PodSource, Source, Temporality,
    duration,
};

/// What `config` means: labels, label-set limits, series per histogram and memory in the kernel.
///
/// `memory` tells which maps a config leads to and the bytes of each.
pub fn check(source: &Source, config: &Config, memory: impl Fn(&Config) -> Vec<(String, u64)>) -> String {
    let Config { listen, read_interval, collectors, kubernetes, limits, log, .. } = config;
    let mut lines = vec![format!("{source}: ok"), String::new()];
    let mut say = |what: &str, value: String| lines.push(format!("{what:<24}{value}").trim_end().to_owned());

    say("listen", listen.to_string());
    say("read interval", format!("at most {}", duration::show(*read_interval)));
    say("log", format!("{}, {}", log.level, log.format));

    say("collectors", String::new());
    let Collectors { scheduler, block_io, process } = collectors;
    let labels: Vec<_> = block_io.labels.iter().map(|label| label.key().prometheus).collect();
    say("  scheduler", by(scheduler.enabled, &[scheduler.by.name()]));
    say("  block_io", by(block_io.enabled, &[&labels[..], &[block_io.by.name()]].concat()));
    say("  process", by(process.enabled, &[process.processes_by.name(), process.by.name()]));

    say("pods", pods(kubernetes));

    say("label sets", String::new());
    say("  per metric", format!("at most {}", limits.label_sets_per_metric));
    say("  in all", format!("at most {}", limits.label_sets));
    say("  of what is gone", format!("kept for at most {}", duration::show(limits.linger)));

    let histograms = &config.histograms;
    say("series per histogram", String::new());
    say("  native", format!("1, with {} buckets per power of two", 1_u32 << histograms.scale));
    if histograms.classic {
        say("  classic, durations", classic((&histograms.duration_bounds).into(), "s"));
        say("  classic, sizes", classic((&histograms.size_bounds).into(), "B"));
    } else {
        say("  classic", "off".to_owned());
    }

    // Folds come on top: as many as there are combinations of the labels that say what was done.
    say("series", format!("at most {} native ones and those of folds", limits.label_sets));
    let largest = [series(&(&histograms.duration_bounds).into()), series(&(&histograms.size_bounds).into())];
    let each = largest.into_iter().max().filter(|_| histograms.classic).unwrap_or(3);
    say("  classic", format!("at most {} if every label set is a histogram's", limits.label_sets * each));
    say("push", push(&config.otlp));
    for endpoint in &config.otlp.endpoints {
        say("", endpoint.url.to_string());
    }

    let maps = memory(config);
    say("kernel memory", mebibytes(maps.iter().map(|(_, bytes)| bytes).sum()));
    for (name, bytes) in maps {
        say(&format!("  {name}"), mebibytes(bytes));
    }
    lines.join("\n") + "\n"
}

fn pods(kubernetes: &Kubernetes) -> String {
    match kubernetes.source {
        PodSource::Auto => "from the API server, if this is a cluster".to_owned(),
        PodSource::Api => "from the API server".to_owned(),
        PodSource::Kubelet => {
            let Kubelet { url, interval, .. } = &kubernetes.kubelet;
            format!("from {url}, every {}", duration::show(*interval))
        }
        PodSource::Off => "off".to_owned(),
    }
}

/// How often, and in what form.
fn push(otlp: &Otlp) -> String {
    if otlp.endpoints.is_empty() {
        return "off, unless the environment names an endpoint".to_owned();
    }
    let temporality = match otlp.temporality {
        Temporality::Cumulative => "cumulative",
        Temporality::Delta => "delta",
    };
    let histograms = match otlp.histograms {
        HistogramForm::Exponential => "exponential",
        HistogramForm::Explicit => "explicit",
    };
    format!("every {}, {temporality}, {histograms} histograms", duration::show(otlp.interval))
}

/// By what series are told apart.
fn by(enabled: bool, names: &[&str]) -> String {
    let names: Vec<_> = names.iter().filter(|name| **name != By::None.name()).copied().collect();
    match (enabled, names.is_empty()) {
        (false, _) => "off".to_owned(),
        (true, true) => "on, for the whole machine".to_owned(),
        (true, false) => format!("on, by {}", names.join(", ")),
    }
}

/// One per bound, for `+Inf`, for the sum and for the count.
fn series(exponents: &RangeInclusive<i32>) -> u32 {
    exponents.clone().count() as u32 + 3
}

fn classic(exponents: RangeInclusive<i32>, unit: &str) -> String {
    let (first, last) = (exponents.start(), exponents.end());
    format!("{}, from 2^{first} {unit} to 2^{last} {unit}", series(&exponents))
}

/// Bytes in MiB, rounded up to a tenth, so that nothing that costs memory is shown as nothing.
fn mebibytes(bytes: u64) -> String {
    let tenths = (u128::from(bytes) * 10).div_ceil(1 << 20);
    format!("{:>6}.{} MiB", tenths / 10, tenths % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_the_defaults() {
        let memory = |config: &Config| {
            vec![
                ("sched".to_owned(), u64::from(config.limits.slots) * 8192),
                ("block".to_owned(), 12_345_678),
                ("process".to_owned(), 1),
            ]
        };
        let shown = check(&Source::File("config.yaml".into()), &Config::default(), memory);
        let expected = "\
config.yaml: ok

listen                  127.0.0.1:9985
read interval           at most 10s
log                     info, text
collectors
  scheduler             on, by container
  block_io              on, by device, operation, container
  process               on, by command, container
pods                    from the API server, if this is a cluster
label sets
  per metric            at most 1000
  in all                at most 10000
  of what is gone       kept for at most 5m
series per histogram
  native                1, with 8 buckets per power of two
  classic, durations    30, from 2^-20 s to 2^6 s
  classic, sizes        21, from 2^9 B to 2^26 B
series                  at most 10000 native ones and those of folds
  classic               at most 300000 if every label set is a histogram's
push                    off, unless the environment names an endpoint
kernel memory               19.8 MiB
  sched                      8.0 MiB
  block                     11.8 MiB
  process                    0.1 MiB
";
        assert_eq!(shown, expected);
    }

    #[test]
    fn shows_what_is_off() {
        let yaml = "{collectors: {scheduler: {enabled: false}, process: {by: none, processes_by: none}}, histograms: {classic: false, scale: 0}, kubernetes: {source: off}, otlp: {endpoints: [url: http://a:4318], interval: 1m}}";
        let config = Config::from_yaml("config.yaml", yaml.as_bytes()).expect("valid");
        let shown = check(&Source::Defaults, &config, |_| Vec::new());
        for line in [
            "built-in defaults: ok",
            "  scheduler             off",
            "  process               on, for the whole machine",
            "pods                    off",
            "  native                1, with 1 buckets per power of two",
            "  classic               off",
            "push                    every 1m, cumulative, exponential histograms",
            "                        http://a:4318/",
            "kernel memory                0.0 MiB",
        ] {
            assert!(shown.lines().any(|shown| shown == line), "{line:?} is not in\n{shown}");
        }
    }
}
