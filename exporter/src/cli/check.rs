//! `kernel-exporter check`: what a config means, in figures.

use std::{ops::RangeInclusive, path::Path};

use crate::{
    catalogue::{Kind, Metric},
    config::{
        By, Config, HistogramForm, Histograms, Kubelet, Kubernetes, Limits, Live, Otlp, PodSource, Reload,
        Section, Source, Temporality, duration,
    },
    otlp::Settings,
    server::Web,
};

/// What `config` means: labels, label-set limits, series per histogram and memory in the kernel.
///
/// `metrics` are those of the collectors that are on; `memory` tells which maps a config leads to and the bytes of
/// each.
pub fn check(
    source: &Source,
    config: &Config,
    metrics: &[&Metric],
    memory: impl Fn(&Config) -> Vec<(String, u64)>,
) -> String {
    let Config {
        listen,
        read_interval,
        collectors,
        kubernetes,
        limits,
        privileges,
        log,
        reload,
        budget,
        live,
        ..
    } = config;
    let mut lines = vec![format!("{source}: ok"), String::new()];
    let mut say = |what: &str, value: String| lines.push(format!("{what:<24}{value}").trim_end().to_owned());

    say("listen", listen.to_string());
    say("web config", web(&config.web_config_file));
    say("read interval", format!("at most {}", duration::show(*read_interval)));
    say("live page", page(live));
    let over = duration::show(budget.window);
    say("budget", format!("{} of all CPUs, over {over}", budget.cpu));
    say("privileges", format!("drop {}", privileges.drop));
    say("reload", on_what(reload));
    say("log", format!("{}, {}", log.level, log.format));

    say("collectors", String::new());
    for (name, section) in collectors.sections() {
        say(&format!("  {name}"), on(section));
    }

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
    say("series at the limits", format!("of {} metrics, and those of folds", metrics.len()));
    let most = |each: fn(&Histograms, Kind) -> u32| {
        most_series(limits, metrics.iter().map(|metric| each(histograms, metric.kind)).collect())
    };
    say("  native", format!("at most {}", most(|_, _| 1)));
    say("  classic", format!("at most {}", most(classic_series)));
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

/// What is asked of those who come by HTTP.
fn web(file: &str) -> String {
    if file.is_empty() {
        return "none: no TLS, no users".to_owned();
    }
    match Web::check(Path::new(file)) {
        Ok(summary) => format!("{file}: {summary}"),
        Err(error) => error.to_string(),
    }
}

/// What the history of the live page takes.
fn page(live: &Live) -> String {
    let Live { enabled, history, memory, refresh } = live;
    let [history, refresh] = [history, refresh].map(|time| duration::show(*time));
    if !enabled {
        return "off".to_owned();
    }
    format!("on, {history} in at most {memory}, read every {refresh} while one is open")
}

fn on_what(reload: &Reload) -> String {
    let mut reasons = vec!["on SIGHUP"];
    reasons.extend(reload.watch.then_some("when the file changes"));
    reasons.extend(reload.http.then_some("on POST /-/reload"));
    reasons.join(", ")
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
    // What the environment may say instead is for the run to tell.
    let Settings { interval, temporality, histograms, .. } = Settings::new(otlp, |_| None);
    let temporality = match temporality {
        Temporality::Cumulative => "cumulative",
        Temporality::Delta => "delta",
        Temporality::LowMemory => "low memory",
    };
    let histograms = match histograms {
        HistogramForm::Exponential => "exponential",
        HistogramForm::Explicit => "explicit",
    };
    format!("every {}, {temporality}, {histograms} histograms", duration::show(interval))
}

/// By what series are told apart.
fn by(names: &[&str]) -> String {
    let names: Vec<_> = names.iter().filter(|name| **name != By::None.name()).copied().collect();
    if names.is_empty() { "for the whole machine".to_owned() } else { format!("by {}", names.join(", ")) }
}

/// Whether a collector is on, and if it is, in what way.
fn on(section: &dyn Section) -> String {
    if !section.enabled() {
        return "off".to_owned();
    }
    let detail = section.detail().map(|detail| detail.name().to_owned());
    let how: Vec<_> =
        ["on".to_owned()].into_iter().chain(detail).chain([by(&section.names_in_force())]).collect();
    how.join(", ")
}

/// As many series as the limits allow, when each label set of a metric is as many as `each` says for it: the worst
/// is that the metrics with the most series have all the label sets that they may have.
fn most_series(limits: &Limits, mut each: Vec<u32>) -> u64 {
    each.sort_unstable_by(|a, b| b.cmp(a));
    let mut left = limits.label_sets;
    let of_one = |each: u32| {
        let sets = limits.label_sets_per_metric.min(left);
        left -= sets;
        u64::from(sets) * u64::from(each)
    };
    each.into_iter().map(of_one).sum()
}

/// What one label set is in the text formats. A histogram without classic buckets still has `+Inf`, sum and count.
fn classic_series(histograms: &Histograms, kind: Kind) -> u32 {
    match kind {
        Kind::Counter | Kind::Gauge => 1,
        Kind::Durations | Kind::Sizes if !histograms.classic => 3,
        Kind::Durations => series(&(&histograms.duration_bounds).into()),
        Kind::Sizes => series(&(&histograms.size_bounds).into()),
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
    use crate::collectors::registry;

    #[test]
    fn limits_are_shared_in_the_worst_way() {
        let limits = |label_sets_per_metric, label_sets| Limits {
            label_sets_per_metric,
            label_sets,
            ..Limits::default()
        };
        assert_eq!(most_series(&limits(10, 100), vec![1, 30, 21]), 520);
        assert_eq!(most_series(&limits(10, 25), vec![1, 30, 21, 30]), 10 * 30 + 10 * 30 + 5 * 21);
        assert_eq!(most_series(&limits(1_000_000, 10_000_000), vec![50; 20]), 500_000_000);
    }

    /// Without the collectors that say nothing here that others do not.
    fn only_the_first(mut config: Config) -> Config {
        for about in registry::descriptions() {
            if !["scheduler", "block_io", "process"].contains(&about.name)
                && let Some(section) = config.collectors.section_mut(about.name)
            {
                section.enable(false);
            }
        }
        config
    }

    #[test]
    fn shows_the_defaults() {
        let memory = |config: &Config| {
            vec![
                ("sched".to_owned(), u64::from(config.limits.slots) * 8192),
                ("block".to_owned(), 12_345_678),
                ("process".to_owned(), 1),
            ]
        };
        let config = only_the_first(Config::default());
        let shown = check(&Source::File("config.yaml".into()), &config, &registry::metrics(&config), memory);
        let shown: String =
            shown.lines().filter(|line| !line.ends_with(" off")).flat_map(|line| [line, "\n"]).collect();
        let expected = "\
config.yaml: ok

listen                  127.0.0.1:9985
web config              none: no TLS, no users
read interval           at most 10s
live page               on, 10m in at most 8MiB, read every 2s while one is open
budget                  1% of all CPUs, over 1m
privileges              drop unneeded
reload                  on SIGHUP, when the file changes
log                     info, text
collectors
  scheduler             on, histograms, by container
  block_io              on, histograms, by device, operation, container
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
series at the limits    of 14 metrics, and those of folds
  native                at most 10000
  classic               at most 175000
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
        let yaml = "{collectors: {scheduler: {enabled: false}, process: {by: none, processes_by: none}, block_io: {detail: counters}}, histograms: {classic: false, scale: 0}, kubernetes: {source: off}, otlp: {endpoints: [url: http://a:4318], interval: 1m}, live: {enabled: false}}";
        let config = only_the_first(Config::from_yaml("config.yaml", yaml.as_bytes()).expect("valid"));
        let shown = check(&Source::Defaults, &config, &registry::metrics(&config), |_| Vec::new());
        for line in [
            "built-in defaults: ok",
            "live page               off",
            "  scheduler             off",
            "  block_io              on, counters, by device, operation",
            "  process               on, for the whole machine",
            "pods                    off",
            "  native                1, with 1 buckets per power of two",
            "  classic               off",
            "series at the limits    of 6 metrics, and those of folds",
            "  native                at most 6000",
            "  classic               at most 8000",
            "push                    every 1m, cumulative, exponential histograms",
            "                        http://a:4318/",
            "kernel memory                0.0 MiB",
        ] {
            assert!(shown.lines().any(|shown| shown == line), "{line:?} is not in\n{shown}");
        }
    }
}
