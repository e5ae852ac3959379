//! A tenant's rate limits, which are one record: there are at most nine, and who counts a request reads them all.

use contracts::{Endpoint, events::RateRuleChanged, tenants::RateRule as View};
use domain::{
    AccountId, RateRuleId, TenantId,
    rate::{Limit, RateRule, RateRules},
};
use runtime::{Deps, Problem, Reply, events::Cause};
use store::{Tx, keys};

/// The limits, with the version that they were read at; `None` where the tenant has never set any.
pub(crate) struct Read {
    pub(crate) rules: RateRules,
    version: Option<u64>,
}

pub(crate) async fn read(deps: &Deps, tenant: TenantId) -> Result<Read, Problem> {
    let found = deps.db.get::<RateRules>(&keys::rate_rules(tenant)).await?;
    let version = found.as_ref().map(|found| found.version);
    Ok(Read { rules: found.map(|found| found.value).unwrap_or_default(), version })
}

/// Who changes a limit, and why.
pub(crate) struct Change<'a> {
    pub(crate) tenant: TenantId,
    pub(crate) actor: AccountId,
    pub(crate) cause: &'a Cause,
}

impl Read {
    /// The place of a limit.
    pub(crate) fn find(&self, id: RateRuleId) -> Result<usize, Problem> {
        self.rules.rules.iter().position(|rule| rule.id == id).ok_or_else(Problem::not_found)
    }

    /// The version of all limits; each change makes one more.
    pub(crate) fn version(&self) -> u64 {
        self.version.unwrap_or(0)
    }

    /// A transaction that writes the limits, with the event about the one that was changed; without `limit` it was
    /// removed.
    pub(crate) fn write(&self, deps: &Deps, change: &Change<'_>, rule: &RateRule, limit: Option<Limit>) -> Tx {
        let mut tx = deps.tx();
        tx.save(change.tenant, &self.rules, self.version);
        let told = RateRuleChanged {
            rule_id: rule.id,
            class: rule.class,
            subject: rule.subject,
            per_minute: limit.map(|limit| limit.per_minute),
            burst: limit.map(|limit| limit.burst),
            actor: change.actor,
        };
        tx.emit(&deps.event(change.cause, change.tenant, rule.id, self.version() + 1, told));
        tx
    }
}

pub(crate) fn reply<E: Endpoint<Reply = View>>(rule: RateRule, version: u64) -> Reply<E> {
    Reply::new(&rule.into()).etag(version)
}
