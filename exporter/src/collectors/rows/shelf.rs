//! From the rows of one table to series.

use super::Naming;
use crate::{
    collectors::Books,
    config::By,
    entities::{
        identity::{Identities, Who, whose},
        ledger::Claim,
    },
    hooks::rows::Whose,
    snapshot::Labels,
};

/// The value of a row at this read.
pub(super) trait Reading {
    /// What is known of it from the reads before.
    type Cursor: Default;

    /// Whether nothing has come since then.
    fn is_idle(&mut self, cursor: &mut Self::Cursor) -> bool;

    /// Moves the cursor on, and enters what has come.
    fn take(&mut self, books: &mut Books, cursor: &mut Self::Cursor, claim: &Claim);
}

/// The state of all rows of a table between two reads.
pub(super) struct Shelf<C> {
    /// Per row, for as long as the exporter runs: rows only grow.
    cursors: Vec<C>,
    /// Per row, for one tenancy.
    tenants: Vec<Option<Tenant>>,
    /// Per row, the series of its last tenant: what comes late is in the fold of that.
    series: Vec<u32>,
}

struct Tenant {
    /// None where cgroups are not told apart, and for the fold.
    cgroup: Option<u64>,
    who: Option<Who>,
    by: By,
    /// What was done.
    what: Labels,
    claim: Claim,
}

impl<C: Default> Shelf<C> {
    /// Before the first read of so many rows.
    pub(super) fn new(rows: usize) -> Self {
        let (mut cursors, mut tenants) = (Vec::new(), Vec::new());
        cursors.resize_with(rows, C::default);
        tenants.resize_with(rows, || None);
        Self { cursors, tenants, series: vec![0; rows] }
    }

    /// Takes the increments of one row.
    pub(super) fn visit(
        &mut self,
        row: usize,
        whose: Whose,
        mut reading: impl Reading<Cursor = C>,
        names: &impl Naming,
        identities: &mut Identities,
        books: &mut Books,
    ) {
        let (series, key) = match whose {
            Whose::Of(key) | Whose::Last(key) => (key.series, Some(key)),
            Whose::Fold { series } => (series.unwrap_or(self.series[row]), None),
        };
        let cursor = &mut self.cursors[row];
        if (key.is_none() || names.is_sparse()) && self.tenants[row].is_none() && reading.is_idle(cursor) {
            self.series[row] = series;
            return; // a fold in which nothing is needs no series
        }
        let Some(metric) = names.metric(series) else { return };
        let told_apart = !metric.identity.is_empty() && names.by() != By::None;
        let cgroup = key.map(|key| key.cgroup).filter(|id| told_apart && *id != 0);
        let who = cgroup.map(|id| identities.who(id));
        let by = if told_apart { names.by() } else { By::None };
        let tenant = self.tenants[row].get_or_insert_with(|| {
            let what = names.what(series, key.map(|key| key.attribute));
            let claim = books.claim(metric, &what.and(&self::whose(who.as_ref(), by)));
            Tenant { cgroup, who: who.clone(), by, what, claim }
        });
        if (&tenant.who, tenant.by) != (&who, by) {
            let labels = tenant.what.and(&self::whose(who.as_ref(), by));
            books.ledger.rename(&tenant.claim, &labels, books.now);
            (tenant.who, tenant.by) = (who, by);
        }
        reading.take(books, cursor, &tenant.claim);
        self.series[row] = series;
        let ends = matches!(whose, Whose::Last(_) | Whose::Fold { series: None });
        if let Some(tenant) = self.tenants[row].take_if(|_| ends) {
            books.release(tenant.claim);
        }
    }

    /// Bequeaths all claims.
    pub(super) fn close(&mut self, books: &mut Books) {
        for tenant in self.tenants.iter_mut().filter_map(Option::take) {
            books.bequeath(tenant.cgroup, [tenant.claim]);
        }
    }
}
