//! How well it is known who did it, as metrics.

use prometheus::proto::MetricType;

use super::engine::Families;
use crate::engine::Report;

pub(super) fn families(report: &Report) -> Families<'_> {
    vec![(
        "pod_cgroups",
        "Cgroups of pods whose names are not known: `withheld` ones are not shown yet, because the names may still \
         come, `unnamed` ones are shown with what their paths say",
        MetricType::GAUGE,
        [("withheld", report.identities.withheld), ("unnamed", report.identities.unnamed)]
            .map(|(state, count)| (vec![("state", state.into())], count as f64))
            .into(),
    )]
}
