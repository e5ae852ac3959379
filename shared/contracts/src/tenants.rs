//! Tenants over HTTP: what holds for a tenant with all its stores.

use domain::{
    Permission, RateRuleId, Timestamp,
    limits::RATE_MAX,
    rate::{self, Limit, RuleClass, Subject},
};
use serde::{Deserialize, Serialize};

use crate::{
    endpoints,
    http::{Nothing, Page},
    row::Access,
};

/// A rate limit that the tenant has set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RateRule {
    /// Id of the rule.
    pub id: RateRuleId,
    /// The endpoints whose requests are counted.
    pub class: RuleClass,
    /// Whose requests are counted together.
    pub subject: Subject,
    /// Requests a minute in the long run.
    pub per_minute: u32,
    /// Requests at once, after a time without any.
    pub burst: u32,
    /// When the rule was created.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub created_at: Timestamp,
    /// When the rule last changed.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub updated_at: Timestamp,
}

impl From<rate::RateRule> for RateRule {
    fn from(rule: rate::RateRule) -> Self {
        let Limit { per_minute, burst } = rule.limit;
        Self {
            id: rule.id,
            class: rule.class,
            subject: rule.subject,
            per_minute,
            burst,
            created_at: rule.created_at,
            updated_at: rule.updated_at,
        }
    }
}

/// A rate limit to be set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, eserde::Deserialize, garde::Validate)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct NewRateRule {
    /// The endpoints whose requests are counted: `read`, `write`, or `checkout` (placing and paying orders, and
    /// applying coupons).
    #[garde(skip)]
    #[eserde(compat)]
    pub class: RuleClass,
    /// Whose requests are counted together: each `address`, each `account`, or the whole `tenant`.
    #[garde(skip)]
    #[eserde(compat)]
    pub subject: Subject,
    /// Requests a minute in the long run.
    #[garde(range(min = 1, max = RATE_MAX))]
    pub per_minute: u32,
    /// Requests at once, after a time without any.
    #[garde(range(min = 1, max = RATE_MAX))]
    pub burst: u32,
}

/// Changes of a rate limit. Absent fields keep their values.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, eserde::Deserialize, garde::Validate)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RateRuleChanges {
    /// Requests a minute in the long run.
    #[garde(range(min = 1, max = RATE_MAX))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "u32"))]
    pub per_minute: Option<u32>,
    /// Requests at once, after a time without any.
    #[garde(range(min = 1, max = RATE_MAX))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "u32"))]
    pub burst: Option<u32>,
}

/// The path of a rate limit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RateRulePath {
    /// Id of the rule.
    pub id: RateRuleId,
}

endpoints! {
    /// List the tenant's rate limits
    ///
    /// Those that the tenant has set. Where it has set none, the platform's own hold: each reply tells them in
    /// `RateLimit-Policy`.
    ListRateRules = Get "/rate-rules" => "tenants-list-rate-rules" {
        access: Access::Needs(Permission::RateRulesRead), store: None, idempotency: None,
        path: Nothing, query: Nothing, body: Nothing, reply: 200 Page<RateRule>,
        tables: [Tenants: Get], emits: [],
    }
    /// Set a rate limit
    ///
    /// For requests to all of the tenant's stores, from within a minute on. It replaces the platform's own limit of each
    /// account, comes on top of that of each address, and of the whole tenant is never more than its plan's. There is
    /// one for each class and subject: a second is refused (409 `rate_rule_exists`). Counting is shared by many
    /// machines, each of which lets a few requests through before it looks.
    CreateRateRule = Post "/rate-rules" => "tenants-create-rate-rule" {
        access: Access::Needs(Permission::RateRulesWrite), store: None, idempotency: Accepted,
        path: Nothing, query: Nothing, body: NewRateRule, reply: 201 RateRule,
        tables: [Tenants: Get Put], emits: [RateRuleChanged],
        problems: [RATE_RULE_EXISTS],
    }
    /// Change a rate limit
    UpdateRateRule = Patch "/rate-rules/{id}" => "tenants-update-rate-rule" {
        access: Access::Needs(Permission::RateRulesWrite), store: None, idempotency: None,
        path: RateRulePath, query: Nothing, body: RateRuleChanges, reply: 200 RateRule,
        tables: [Tenants: Get Put], emits: [RateRuleChanged],
    }
    /// Remove a rate limit
    ///
    /// The platform's own holds again, from within a minute on.
    DeleteRateRule = Delete "/rate-rules/{id}" => "tenants-delete-rate-rule" {
        access: Access::Needs(Permission::RateRulesWrite), store: None, idempotency: None,
        path: RateRulePath, query: Nothing, body: Nothing, reply: 200 RateRule,
        tables: [Tenants: Get Put], emits: [RateRuleChanged],
    }
}
