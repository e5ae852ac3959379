//! Rate limits of clients: by address, account and tenant, for each class of endpoints (`contracts::rate`).
//!
//! All processes share a token bucket in the database. A process does not ask it for each request: it lets a few of a
//! subject's requests through without, and then takes tokens out by the chunk. So most requests cost nothing, and a
//! client gets past its limit by at most those few in half a minute and process. When the database does not answer, requests are
//! let through: a limit protects, and must not be what fails.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use contracts::{
    problems,
    rate::{Lease, plan_factor},
    row::RateClass,
};
use domain::{
    TenantId, Timestamp,
    client::network,
    rate::{Bucket, Limit, RateRules, Subject},
    tenant::{Plan, Tenant},
    time::after,
};
use store::{BucketOf, CommitError, RateBucket, StoreError, keys};

use crate::{
    auth::Principal,
    deps::Deps,
    http::{Problem, RawReply, RawRequest},
    retry::Tries,
    telemetry,
};

/// How long a process uses the tokens it has, and what it has read of a tenant's rules, in seconds. So long a change of a
/// rule may take.
const KEPT_S: i64 = 30;
/// How long a request waits for a look at a bucket: a read and a write take some ten milliseconds.
const LOOK_MAX: Duration = Duration::from_millis(300);
/// The number of subjects that a process counts before it forgets those whose time is over, or all.
const KEPT_MAX: usize = 20_000;

/// What a process knows of the buckets. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct RateLimits(Arc<Mutex<Known>>);

#[derive(Debug, Default)]
struct Known {
    local: HashMap<BucketOf, Local>,
    tenants: HashMap<TenantId, (Timestamp, Terms)>,
}

/// A tenant's plan and rules.
#[derive(Debug, Clone)]
struct Terms {
    plan: Plan,
    rules: RateRules,
}

/// What a process knows of one bucket.
#[derive(Debug, Clone, Copy)]
struct Local {
    /// The limit, if the process has looked at it.
    limit: Option<Limit>,
    /// Requests that it can let through without asking.
    tokens: u32,
    /// Tokens in the shared bucket, when it was last asked.
    shared: u32,
    /// Until when this holds.
    until: Timestamp,
    /// If the shared bucket was empty: when it holds a token again.
    empty_until: Option<Timestamp>,
}

/// Where a caller stands with one limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Standing {
    limit: Limit,
    left: u32,
    /// Seconds until there is a token again; for a caller who has some, until the bucket is full.
    reset_s: u32,
}

/// The limits that a request was counted against: what its reply says of them.
#[derive(Debug, Default)]
pub(crate) struct Counted {
    class: Option<RateClass>,
    tightest: Option<Standing>,
}

impl Counted {
    fn add(&mut self, class: RateClass, standing: Standing) {
        self.class = Some(class);
        if self.tightest.is_none_or(|tightest| standing.left < tightest.left) {
            self.tightest = Some(standing);
        }
    }

    /// Adds `RateLimit-Policy` and `RateLimit` for the limit that is closest to being reached.
    pub(crate) fn tell(&self, reply: RawReply) -> RawReply {
        let (Some(class), Some(Standing { limit, left, reset_s })) = (self.class, self.tightest) else { return reply };
        let (name, quota) = (class.name(), limit.per_minute);
        reply
            .with_header("ratelimit-policy", format!("\"{name}\";q={quota};w=60"))
            .with_header("ratelimit", format!("\"{name}\";r={left};t={reset_s}"))
    }
}

/// Counts a request of its address and account, before anything is read for it. The address is the one that API Gateway
/// saw, never one that a header tells.
///
/// # Errors
/// 429 `rate_limited`.
pub(crate) async fn count_caller(
    deps: &Deps,
    class: RateClass,
    raw: &RawRequest,
    principal: Option<&Principal>,
    counted: &mut Counted,
) -> Result<(), Problem> {
    let address = BucketOf { tenant: None, subject: Subject::Address, id: network(&raw.source_ip), class };
    count(deps, address, counted).await?;
    let Some(principal) = principal else { return Ok(()) };
    let id = principal.account_id.to_string();
    count(deps, BucketOf { tenant: principal.tenant_id, subject: Subject::Account, id, class }, counted).await
}

/// Counts a request about a tenant: of the tenant, and of the address where the tenant has a rule for addresses.
///
/// # Errors
/// 429 `rate_limited`.
pub(crate) async fn count_tenant(
    deps: &Deps,
    class: RateClass,
    raw: &RawRequest,
    tenant: TenantId,
    counted: &mut Counted,
) -> Result<(), Problem> {
    let of = |subject, id| BucketOf { tenant: Some(tenant), subject, id, class };
    if class.ruled().is_some() {
        count(deps, of(Subject::Address, network(&raw.source_ip)), counted).await?;
    }
    count(deps, of(Subject::Tenant, tenant.to_string()), counted).await
}

async fn count(deps: &Deps, of: BucketOf, counted: &mut Counted) -> Result<(), Problem> {
    let factor = deps.config.client_rate_factor;
    let usual = of.class.limit(of.subject).map(|limit| limit.times(factor));
    // A tenant's address has the platform's limit already, and another one only by a rule.
    let usual = if of.subject == Subject::Address && of.tenant.is_some() { None } else { usual };
    if factor == 0 || (usual.is_none() && of.class.ruled().is_none()) {
        return Ok(());
    }
    let (class, lease, now) = (of.class, of.class.lease(of.subject), deps.now());
    let standing = match deps.rate_limits.take(&of, lease, now) {
        Step::Passes(local) => {
            let Some(limit) = local.limit.or(usual) else { return Ok(()) };
            // Of a bucket that was not looked at, what is left is what was not used here.
            let shared = if local.limit.is_none() { limit.burst.saturating_sub(lease.free) } else { local.shared };
            Local { shared, ..local }.standing(limit)
        }
        Step::Waits(local) => return Err(refused(class, local.wait_s(now), local.limit.or(usual), counted)),
        Step::Asks => match tokio::select! {
            asked = ask(deps, &of, usual, lease, now) => asked,
            () = deps.db.sleep(LOOK_MAX) => Err(StoreError::Unavailable("it took too long".to_owned())),
        } {
            Ok(Some((limit, local))) if local.empty_until.is_none() => local.standing(limit),
            Ok(Some((limit, local))) => return Err(refused(class, local.wait_s(now), Some(limit), counted)),
            Ok(None) => return Ok(()),
            Err(error) => {
                tracing::warn!(%error, "a rate limit was not looked at");
                // For a moment, or each request would wait in vain.
                deps.rate_limits.put(of, Local::unasked(lease.chunk, after(now, 1)), now);
                telemetry::count(&deps.config, "rate_limits_skipped", 1, now);
                return Ok(());
            }
        },
    };
    counted.add(class, standing);
    Ok(())
}

fn refused(class: RateClass, wait_s: u32, limit: Option<Limit>, counted: &mut Counted) -> Problem {
    if let Some(limit) = limit {
        counted.add(class, Standing { limit, left: 0, reset_s: wait_s });
    }
    let detail = format!("too many requests; wait {wait_s} s");
    Problem::new(&problems::RATE_LIMITED, detail).retry_after_s(i64::from(wait_s))
}

/// Looks at the shared bucket, and takes a chunk out of it. `None` if there is no limit.
async fn ask(
    deps: &Deps,
    of: &BucketOf,
    usual: Option<Limit>,
    lease: Lease,
    now: Timestamp,
) -> Result<Option<(Limit, Local)>, StoreError> {
    let Some(limit) = limit(deps, of, usual, now).await? else {
        deps.rate_limits.put(of.clone(), Local::unasked(u32::MAX, after(now, KEPT_S)), now);
        return Ok(None);
    };
    for _ in Tries::MANY_RIVALS.range() {
        let held = deps.db.get::<RateBucket>(&of.key()).await?;
        let bucket = held.as_ref().map_or(Bucket::full(now), |held| held.value.bucket);
        let taken = bucket.take(limit, lease.chunk, now);
        let local = Local {
            limit: Some(limit),
            // This request uses one.
            tokens: taken.tokens.saturating_sub(1),
            shared: taken.left,
            until: after(now, KEPT_S),
            empty_until: (taken.tokens == 0).then(|| after(now, i64::from(taken.wait_s))),
        };
        if taken.tokens > 0 {
            let mut tx = deps.tx();
            tx.save((), &RateBucket::new(of, taken.bucket), held.map(|held| held.version));
            // A limit that many wait for would be what fails.
            match deps.db.commit_at_once(tx).await {
                Ok(()) => {}
                Err(CommitError::Refused(_) | CommitError::Busy) => continue,
                Err(CommitError::Store(error)) => return Err(error),
            }
        }
        deps.rate_limits.put(of.clone(), local, now);
        return Ok(Some((limit, local)));
    }
    Err(StoreError::Unavailable("a rate limit's bucket is changed all the time".to_owned()))
}

/// The limit that holds for a subject: a rule of the tenant's, or the usual one; for a tenant no more than its plan's.
async fn limit(deps: &Deps, of: &BucketOf, usual: Option<Limit>, now: Timestamp) -> Result<Option<Limit>, StoreError> {
    let (Some(tenant), Some(class)) = (of.tenant, of.class.ruled()) else { return Ok(usual) };
    let terms = terms(deps, tenant, now).await?;
    let rule = terms.rules.find(class, of.subject).map(|rule| rule.limit);
    if of.subject == Subject::Tenant {
        let of_plan = usual.map(|usual| usual.times(plan_factor(terms.plan)));
        return Ok(rule.map_or(of_plan, |rule| Some(of_plan.map_or(rule, |of_plan| of_plan.min(rule)))));
    }
    Ok(rule.or(usual))
}

/// What the process knows of a tenant, or the database does.
async fn terms(deps: &Deps, tenant: TenantId, now: Timestamp) -> Result<Terms, StoreError> {
    if let Some(terms) = deps.rate_limits.terms(tenant, now) {
        return Ok(terms);
    }
    let plan = deps.db.get::<Tenant>(&keys::tenant(tenant)).await?.map_or(Plan::Free, |held| held.value.plan);
    let rules = deps.db.get::<RateRules>(&keys::rate_rules(tenant)).await?;
    let terms = Terms { plan, rules: rules.map(|held| held.value).unwrap_or_default() };
    deps.rate_limits.put_terms(tenant, terms.clone(), now);
    Ok(terms)
}

enum Step {
    /// The process has a token.
    Passes(Local),
    /// There was none, and will be none for a while.
    Waits(Local),
    /// The shared bucket must be looked at.
    Asks,
}

impl RateLimits {
    /// Takes a token that the process has.
    fn take(&self, of: &BucketOf, lease: Lease, now: Timestamp) -> Step {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let held = known.local.get(of).filter(|local| now < local.until || local.is_empty(now)).copied();
        let mut local = held.unwrap_or(Local::unasked(lease.free, after(now, KEPT_S)));
        if local.is_empty(now) {
            return Step::Waits(local);
        }
        let Some(left) = local.tokens.checked_sub(1) else { return Step::Asks };
        local.tokens = left;
        known.put(of.clone(), local, now);
        Step::Passes(local)
    }

    fn put(&self, of: BucketOf, local: Local, now: Timestamp) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).put(of, local, now);
    }

    fn terms(&self, tenant: TenantId, now: Timestamp) -> Option<Terms> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.tenants.get(&tenant).filter(|(until, _)| now < *until).map(|(_, terms)| terms.clone())
    }

    fn put_terms(&self, tenant: TenantId, terms: Terms, now: Timestamp) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.tenants.len() >= KEPT_MAX {
            known.tenants.clear();
        }
        known.tenants.insert(tenant, (after(now, KEPT_S), terms));
    }
}

impl Known {
    fn put(&mut self, of: BucketOf, local: Local, now: Timestamp) {
        if self.local.len() >= KEPT_MAX && !self.local.contains_key(&of) {
            self.local.retain(|_, local| now < local.until || local.is_empty(now));
            if self.local.len() >= KEPT_MAX {
                self.local.clear();
            }
        }
        self.local.insert(of, local);
    }
}

impl Local {
    /// Some requests that are let through without a look at the bucket.
    const fn unasked(tokens: u32, until: Timestamp) -> Self {
        Self { limit: None, tokens, shared: 0, until, empty_until: None }
    }

    fn is_empty(&self, now: Timestamp) -> bool {
        self.empty_until.is_some_and(|until| now < until)
    }

    /// Seconds, rounded up, until the shared bucket holds a token.
    fn wait_s(&self, now: Timestamp) -> u32 {
        let wait_ms = self.empty_until.map_or(0, |until| until.as_millisecond() - now.as_millisecond());
        u32::try_from((wait_ms + 999) / 1_000).unwrap_or(0)
    }

    fn standing(&self, limit: Limit) -> Standing {
        let left = self.tokens.saturating_add(self.shared).min(limit.burst);
        let reset_s = u64::from(limit.burst - left) * 60 / u64::from(limit.per_minute.max(1));
        Standing { limit, left, reset_s: u32::try_from(reset_s).unwrap_or(u32::MAX) }
    }
}
