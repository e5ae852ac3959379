//! Rate limits of clients: by address, account and tenant, for each class of endpoints. API Gateway's own limits
//! ([`RateClass::throttle`]) are for all clients together.

use domain::{
    rate::{Limit, RuleClass, Subject},
    tenant::Plan,
};

use crate::row::RateClass;

/// How a process counts without asking the database for each request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lease {
    /// Requests of a subject in half a minute that a process lets through before it looks at the shared bucket.
    pub free: u32,
    /// Tokens that it takes out of the shared bucket at once, from then on.
    pub chunk: u32,
}

impl RateClass {
    /// The limit of one subject, where no rule says otherwise; `None` for no limit. Many people can share an address (a
    /// campus, a mobile network), so limits of addresses are wide; guessing is slowed for each account besides.
    pub const fn limit(self, subject: Subject) -> Option<Limit> {
        let (per_minute, burst) = match (self, subject) {
            (Self::Auth, Subject::Address) => (60, 20),
            (Self::Mail, Subject::Address) => (1, 20),
            (Self::Mail, Subject::Tenant) => (100, 30),
            (Self::Read, Subject::Address) => (1_200, 300),
            (Self::Read, Subject::Account) => (600, 200),
            (Self::Read, Subject::Tenant) => (30_000, 5_000),
            (Self::Write, Subject::Address) => (500, 200),
            (Self::Write, Subject::Account) => (120, 60),
            (Self::Write, Subject::Tenant) => (6_000, 1_000),
            (Self::Checkout, Subject::Address) => (60, 30),
            (Self::Checkout, Subject::Account) => (20, 10),
            (Self::Checkout, Subject::Tenant) => (1_500, 300),
            (Self::Auth | Self::Mail, Subject::Account) | (Self::Auth, Subject::Tenant) | (Self::Webhook, _) => {
                return None;
            }
        };
        Some(Limit { per_minute, burst })
    }

    /// Whether any subject has a limit.
    pub fn is_limited(self) -> bool {
        Subject::ALL.into_iter().any(|subject| self.limit(subject).is_some())
    }

    /// How a process counts one subject. Signing in and code mails are counted exactly, for each is a guess or a mail.
    pub const fn lease(self, subject: Subject) -> Lease {
        let (free, chunk) = match self {
            Self::Auth | Self::Mail | Self::Webhook => (0, 1),
            Self::Checkout => (2, 5),
            Self::Write => (10, 20),
            Self::Read => (20, 50),
        };
        match subject {
            Subject::Address | Subject::Account => Lease { free, chunk },
            Subject::Tenant => Lease { free: 5 * free, chunk: 4 * chunk },
        }
    }

    /// The class in tenants' rules; `None` for those that tenants set no rules for.
    pub const fn ruled(self) -> Option<RuleClass> {
        match self {
            Self::Read => Some(RuleClass::Read),
            Self::Write => Some(RuleClass::Write),
            Self::Checkout => Some(RuleClass::Checkout),
            Self::Auth | Self::Mail | Self::Webhook => None,
        }
    }

    /// The name in `RateLimit-Policy` and in keys.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Auth => "auth",
            Self::Mail => "mail",
            Self::Read => "read",
            Self::Write => "write",
            Self::Checkout => "checkout",
            Self::Webhook => "webhook",
        }
    }
}

/// How many times the usual limit a tenant on this plan has.
pub const fn plan_factor(plan: Plan) -> u32 {
    match plan {
        Plan::Free => 1,
        Plan::Pro => 5,
        Plan::Enterprise => 25,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_holds_what_a_process_takes_out_of_it_at_once() {
        for (class, subject) in
            RateClass::ALL.into_iter().flat_map(|class| Subject::ALL.map(|subject| (class, subject)))
        {
            let Some(limit) = class.limit(subject) else { continue };
            let lease = class.lease(subject);
            assert!(lease.chunk <= limit.burst, "{class:?} {subject:?}");
            assert!(lease.free <= limit.per_minute.min(limit.burst), "{class:?} {subject:?}");
        }
    }

    #[test]
    fn webhooks_are_never_refused() {
        assert!(Subject::ALL.iter().all(|subject| RateClass::Webhook.limit(*subject).is_none()));
    }
}
