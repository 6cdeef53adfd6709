//! PromQL, for native and for classic histograms.
//!
//! The variable `histograms` says which of the two a panel reads: it is the end of the metric's name, as a regular
//! expression, `()` or `_bucket`. So only one of them is read, and a query is valid before the variable is put in. Native
//! histograms have no label `le`: to sum by it does no harm. Sums and counts are taken from whichever is there.

use super::names::Name;

/// Which series a dashboard's variables choose, as matchers.
pub(crate) type Scope = &'static str;

/// Any of the chosen exporters.
pub(crate) const EXPORTERS: Scope = r#"job=~"$job", instance=~"$instance""#;

/// How a query keeps its sums apart: label names with commas, or nothing.
type By = &'static str;

fn matchers(scope: Scope, more: &str) -> String {
    if more.is_empty() { scope.to_owned() } else { format!("{scope}, {more}") }
}

fn grouped(by: &str, inner: &str) -> String {
    if by.is_empty() { format!("sum({inner})") } else { format!("sum by ({by}) ({inner})") }
}

/// The series themselves.
pub(crate) fn series(metric: impl Into<Name>, scope: Scope, more: &str) -> String {
    format!("{}{{{}}}", metric.into().0, matchers(scope, more))
}

/// Sum of gauges.
pub(crate) fn sum(by: By, metric: impl Into<Name>, scope: Scope, more: &str) -> String {
    grouped(by, &series(metric, scope, more))
}

/// A counter's growth per second.
pub(crate) fn rate(by: By, metric: impl Into<Name>, scope: Scope, more: &str) -> String {
    grouped(by, &format!("rate({}[$__rate_interval])", series(metric, scope, more)))
}

/// A histogram's growth per second, in the form that the variable says.
fn histogram(metric: impl Into<Name>, scope: Scope, more: &str) -> String {
    let name = metric.into().0;
    format!(r#"rate({{__name__=~"{name}${{histograms:raw}}", {}}}[$__rate_interval])"#, matchers(scope, more))
}

/// For a heatmap.
pub(crate) fn heatmap(metric: impl Into<Name>, scope: Scope, more: &str) -> String {
    grouped("le", &histogram(metric, scope, more))
}

/// A quantile, from 0 to 1.
pub(crate) fn quantile(q: f64, by: By, metric: impl Into<Name>, scope: Scope, more: &str) -> String {
    let by = if by.is_empty() { "le".to_owned() } else { format!("le, {by}") };
    format!("histogram_quantile({q}, {})", grouped(&by, &histogram(metric, scope, more)))
}

/// A quantile of one of the exporter's own histograms, which are always classic.
pub(crate) fn own_quantile(q: f64, by: By, metric: &str, scope: Scope) -> String {
    let by = if by.is_empty() { "le".to_owned() } else { format!("le, {by}") };
    format!("histogram_quantile({q}, {})", rate_of(&by, &format!("{metric}_bucket"), scope))
}

fn rate_of(by: &str, metric: &str, scope: Scope) -> String {
    grouped(by, &format!("rate({}[$__rate_interval])", series(metric, scope, "")))
}

/// How many samples a histogram gets per second.
pub(crate) fn count(by: By, metric: impl Into<Name>, scope: Scope, more: &str) -> String {
    either("count", by, metric, scope, more)
}

/// By how much the sum of a histogram's samples grows per second.
pub(crate) fn total(by: By, metric: impl Into<Name>, scope: Scope, more: &str) -> String {
    either("sum", by, metric, scope, more)
}

fn either(what: &str, by: By, metric: impl Into<Name>, scope: Scope, more: &str) -> String {
    let (name, matchers) = (metric.into().0, matchers(scope, more));
    let native = grouped(by, &format!("rate({name}{{{matchers}}}[$__rate_interval])"));
    let classic = grouped(by, &format!("rate({name}_{what}{{{matchers}}}[$__rate_interval])"));
    format!("histogram_{what}({native}) or {classic}")
}

/// The largest, as many as the variable `top` says.
pub(crate) fn top(query: &str) -> String {
    format!("topk($top, {query})")
}

/// What pods do, and beside it what units and containers without a pod do, by their names. Behind a target that is a pod
/// and has labels for it, the latter have that pod's `namespace`, `pod` and `container` though they are not its.
pub(crate) fn by_owner(query: impl Fn(By, &str) -> String) -> String {
    let pods = query("namespace, pod, container", r#"workload!="""#);
    let others = query("instance, unit, container_id, cgroup", r#"workload="""#);
    format!("{pods} or {others}")
}

/// What threads wait for that they should not have to: neither work nor each other.
pub(crate) const STALLED: &str = r#"activity=~"run_queue|block_io|reclaim|compaction|uninterruptible""#;
