//! What a function is: one row for everything that runs, be it called by a request, by events, by a timer that is due,
//! by a stream or by the clock. The infrastructure, its permissions and the API's description are generated from rows;
//! a function is handed what its row grants and nothing else ([`crate::gate`]).

use std::collections::{BTreeMap, BTreeSet};

use domain::Permission;
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    events::Incoming,
    problems::{self, Code},
    table::{Action, Grants, Table},
};

/// One row: a function, and all that it may do.
#[derive(Debug)]
pub struct Row {
    /// Function, bin, operationId and file name: `orders-place`.
    pub function: &'static str,
    /// What it does; of an endpoint, the first line is the summary.
    pub doc: &'static str,
    pub trigger: Trigger,
    /// What it does with tables itself; [`Row::may`] adds what the trigger implies.
    pub tables: Grants,
    /// Types of the events it commits.
    pub emits: &'static [&'static str],
    pub grants: &'static [Grant],
    pub memory_mb: u16,
    pub timeout_s: u16,
    /// Whether it keeps a share of the account's concurrency for itself, where the operator reserves any, so that a
    /// flood of other calls cannot starve it.
    pub reserved: bool,
}

/// What calls a function.
#[derive(Debug)]
pub enum Trigger {
    /// A request to the API.
    Request(&'static Route),
    /// Events of these types (none listed: of every type), by a rule into the function's own queue.
    Events { types: &'static [&'static str], queue: Queue },
    /// A timer of its own that is due, put into its queue by the sweep.
    Timer { queue: Queue },
    /// The stream of the outbox table, so many records a call.
    Outbox { batch: u16 },
    /// The clock.
    Schedule { every_minutes: u16 },
    /// API Gateway, before it lets a request through.
    Authorizer,
    /// An operator, with AWS credentials of their own: no route leads to it.
    Operator,
}

/// How a queue is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Queue {
    /// Messages a call; each succeeds or fails by itself.
    pub batch: u16,
    /// Calls at once at the most; 0 for no bound of its own. SQS takes 2 to 1000.
    pub concurrency: u16,
    pub retry: Retry,
}

/// When a message that could not be dealt with comes again. Poison is not retried at all: it goes to the dead-letter
/// queue at once, with its reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retry {
    /// Seconds until the second try; each further one waits twice as long.
    pub first_s: u32,
    /// Seconds between tries at the most.
    pub longest_s: u32,
    /// Seconds after which it is a dead letter.
    pub give_up_after_s: u32,
}

impl Retry {
    /// For steps that need only the database and other steps: what is early or contended is mostly so for moments.
    pub const STEP: Self = Self { first_s: 5, longest_s: 300, give_up_after_s: 24 * 3_600 };
    /// For steps that call somebody else's API, which may be away for hours and should not be hammered meanwhile.
    pub const DEPENDENCY: Self = Self { first_s: 30, longest_s: 900, give_up_after_s: 24 * 3_600 };

    /// Seconds until the next try of a message that was received so often, at least 1 time.
    pub const fn wait_s(self, receives: u32) -> u32 {
        let doublings = receives.saturating_sub(1);
        if doublings >= 16 {
            return self.longest_s;
        }
        let wait_s = self.first_s.saturating_mul(1 << doublings);
        if wait_s < self.longest_s { wait_s } else { self.longest_s }
    }
}

/// HTTP methods of the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    Get,
    Post,
    Put,
    Patch,
    Delete,
}

impl Method {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }
}

/// What of a row only endpoints have.
#[derive(Debug)]
pub struct Route {
    pub method: Method,
    pub path: &'static str,
    pub access: Access,
    pub store: StoreScope,
    pub idempotency: Idempotency,
    /// Status of the good answer.
    pub status: u16,
    pub rate: RateClass,
    /// Problems that the handler answers with; [`Row::problems`] adds those that every such endpoint may have.
    pub problems: &'static [&'static Code],
    #[cfg(feature = "schema")]
    pub schemas: fn(&mut schemars::SchemaGenerator) -> Schemas,
}

/// Who may call an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Anyone. A token that comes along is not looked at: whoever signs in may still hold an old one.
    Public,
    /// Anyone; a token is read if one is given, as the store's team sees more than buyers do.
    PublicOrToken,
    /// A token whose role holds the permission.
    Needs(Permission),
}

/// Whether an endpoint speaks of one store, and how the store is found (`X-Store`, or the host name).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoreScope {
    /// Not about a store.
    None,
    /// The request names it; staff whose tenant has one store may leave it out.
    Required,
    /// The request may name one.
    Optional,
}

/// Whether `Idempotency-Key` is asked for. Where there is an effect to protect it is always accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Idempotency {
    /// Reads, and writes that are the same twice by nature.
    None,
    Accepted,
    /// Moves money, stock or orders.
    Required,
}

/// Endpoints that share a limit on how often they are called, so that a flood of one class leaves the others alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RateClass {
    /// Signing in, registering, codes.
    Auth,
    Read,
    Write,
    /// Placing and paying.
    Checkout,
    /// Payment providers' calls.
    Webhook,
}

impl RateClass {
    pub const ALL: [Self; 5] = [Self::Auth, Self::Read, Self::Write, Self::Checkout, Self::Webhook];

    /// The class of an endpoint whose row names none.
    pub const fn of(method: Method) -> Self {
        match method {
            Method::Get => Self::Read,
            Method::Post | Method::Put | Method::Patch | Method::Delete => Self::Write,
        }
    }
}

/// What else a function may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Grant {
    /// Reads the public halves of the keys that sign access tokens.
    TokenKeys,
    /// Reads the private half of the key that signs access tokens.
    SigningKey,
    /// Reads the key that authenticates cursors.
    CursorKey,
    /// Reads the Paystack secret, which also signs its webhooks.
    Paystack,
    SendEmail,
    PutEvents,
    /// Puts what is due into the queues of timers.
    SendTimers,
    /// Reads dead-letter queues and puts their messages back into the queues they came from.
    Redrive,
}

impl Grant {
    pub const ALL: [Self; 8] = [
        Self::TokenKeys,
        Self::SigningKey,
        Self::CursorKey,
        Self::Paystack,
        Self::SendEmail,
        Self::PutEvents,
        Self::SendTimers,
        Self::Redrive,
    ];
}

/// The JSON Schemas of an endpoint's parts.
#[cfg(feature = "schema")]
#[derive(Debug)]
pub struct Schemas {
    pub path: schemars::Schema,
    pub query: schemars::Schema,
    pub body: schemars::Schema,
    pub reply: schemars::Schema,
}

impl Row {
    /// The service: what stands before the first hyphen.
    pub fn service(&self) -> &'static str {
        self.function.split('-').next().unwrap_or(self.function)
    }

    /// What makes it an endpoint, if it is one.
    pub const fn route(&self) -> Option<&'static Route> {
        match self.trigger {
            Trigger::Request(route) => Some(route),
            _ => None,
        }
    }

    /// Its queue, if it is called with messages.
    pub const fn queue(&self) -> Option<Queue> {
        match self.trigger {
            Trigger::Events { queue, .. } | Trigger::Timer { queue } => Some(queue),
            _ => None,
        }
    }

    /// Whether the function may do this to a table: by its own list, or because its trigger implies it.
    pub fn may(&self, table: Table, action: Action) -> bool {
        let listed = |grants: &[(Table, &[Action])]| {
            grants.iter().any(|(granted, actions)| *granted == table && actions.contains(&action))
        };
        listed(self.tables) || self.implied().any(|implied| implied == (table, action))
    }

    /// Whether the function may use this.
    pub fn has(&self, grant: Grant) -> bool {
        self.grants.contains(&grant)
            || (grant == Grant::TokenKeys
                && (matches!(self.trigger, Trigger::Authorizer)
                    || self.route().is_some_and(|route| route.access == Access::PublicOrToken)))
    }

    /// All that the function may do to tables.
    pub fn granted_tables(&self) -> BTreeMap<Table, BTreeSet<Action>> {
        let mut granted: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
        for (table, actions) in self.tables {
            granted.entry(*table).or_default().extend(*actions);
        }
        for (table, action) in self.implied() {
            granted.entry(table).or_default().insert(action);
        }
        granted
    }

    /// What the trigger implies: finding the request's store, the idempotency record, the events it commits.
    fn implied(&self) -> impl Iterator<Item = (Table, Action)> {
        let route = self.route();
        let finds_store = route.is_some_and(|route| route.store != StoreScope::None);
        // Staff of a tenant with one store need not name it, so the tenant's stores are listed.
        let lists_stores = route.is_some_and(|route| {
            route.store == StoreScope::Required
                && match route.access {
                    Access::Needs(permission) => permission.is_for_staff(),
                    Access::PublicOrToken => true,
                    Access::Public => false,
                }
        });
        let remembers = route.is_some_and(|route| route.idempotency != Idempotency::None);
        [
            (finds_store, (Table::Tenants, Action::Get)),
            (lists_stores, (Table::Tenants, Action::Query)),
            (remembers, (Table::Requests, Action::Get)),
            (remembers, (Table::Requests, Action::Put)),
            (!self.emits.is_empty(), (Table::Outbox, Action::Put)),
        ]
        .into_iter()
        .filter_map(|(is_implied, grant)| is_implied.then_some(grant))
    }

    /// Every problem that the endpoint may answer with; empty for what is no endpoint.
    pub fn problems(&self) -> Vec<&'static Code> {
        let Some(route) = self.route() else { return vec![] };
        let mut codes: Vec<&'static Code> = route.problems.to_vec();
        let mut add = |applies: bool, implied: &[&'static Code]| {
            if applies {
                codes.extend(implied);
            }
        };
        add(true, problems::EVERY);
        add(route.method != Method::Get, problems::WITH_BODY);
        add(!self.granted_tables().is_empty() || !self.grants.is_empty(), &[&problems::UNAVAILABLE]);
        add(matches!(route.access, Access::Needs(_)), problems::WITH_TOKEN);
        add(route.access == Access::PublicOrToken, &[&problems::UNAUTHORIZED, &problems::FORBIDDEN]);
        add(route.store != StoreScope::None, problems::WITH_STORE);
        add(route.path.contains('{'), &[&problems::NOT_FOUND]);
        add(route.idempotency != Idempotency::None, problems::WITH_KEY);
        add(route.idempotency == Idempotency::Required, &[&problems::IDEMPOTENCY_KEY_MISSING]);
        add(self.has(Grant::CursorKey), &[&problems::INVALID_CURSOR]);
        codes.sort_by_key(|code| (code.status, code.name));
        codes.dedup_by_key(|code| code.name);
        codes
    }
}

/// Something that runs.
pub trait Function: Send + Sync + 'static {
    const ROW: &'static Row;
}

/// An endpoint's types. The handler takes a `Call<Self>` and gives back a `Self::Reply`.
pub trait Endpoint: Function {
    type Path: DeserializeOwned + Send;
    type Query: DeserializeOwned + Send;
    type Body: for<'de> eserde::EDeserialize<'de> + garde::Validate<Context = ()> + Serialize + Send;
    type Reply: Serialize + Send;
    const ROUTE: &'static Route;
}

/// A consumer's type of event, which is also the list of types that its queue gets. The handler takes an
/// `Envelope<Self::Event>`.
pub trait Consumer: Function {
    type Event: Incoming;
}

/// What a timer is about: the id of an aggregate. The handler takes a `Due<Self>`.
pub trait Timer: Function {
    type Subject: std::fmt::Display + std::str::FromStr + Copy + Send + Sync + 'static;
}

/// Enough for a handler that waits on DynamoDB: CPU grows with memory, and init is a millisecond.
pub const MEMORY_MB: u16 = 256;
/// An API's caller waits; what takes longer than this belongs behind a queue.
pub const ENDPOINT_TIMEOUT_S: u16 = 10;
/// A step: one read, one transaction, retried a few times against others.
pub const STEP_TIMEOUT_S: u16 = 20;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{coupons, inventory, platform, products};

    fn codes<F: Function>() -> Vec<&'static str> {
        F::ROW.problems().iter().map(|code| code.name).collect()
    }

    #[test]
    fn each_wait_is_twice_the_last_up_to_the_longest() {
        let waits: Vec<_> = (1..=8).map(|receives| Retry::STEP.wait_s(receives)).collect();
        assert_eq!(waits, [5, 10, 20, 40, 80, 160, 300, 300]);
        let waits: Vec<_> = (1..=7).map(|receives| Retry::DEPENDENCY.wait_s(receives)).collect();
        assert_eq!(waits, [30, 60, 120, 240, 480, 900, 900]);
        // What SQS does not tell counts as the first time, and no count is too large.
        assert_eq!(Retry::STEP.wait_s(0), 5);
        for receives in [16, 17, 32, 33, u32::MAX] {
            assert_eq!(Retry::STEP.wait_s(receives), 300, "{receives}");
        }
    }

    #[test]
    fn tables_are_those_of_the_row_and_those_that_its_trigger_implies() {
        use Action::{Get, Put, Query, Update};
        let granted = |row: &Row| {
            row.granted_tables()
                .into_iter()
                .map(|(table, actions)| (table, Vec::from_iter(actions)))
                .collect::<Vec<_>>()
        };
        let all = [
            (Table::Tenants, vec![Get, Query]),
            (Table::Coupons, vec![Put]),
            (Table::Requests, vec![Get, Put]),
            (Table::Outbox, vec![Put]),
        ];
        assert_eq!(granted(coupons::Create::ROW), all);
        let all = [(Table::Inventory, vec![Put, Update]), (Table::Requests, vec![Put]), (Table::Outbox, vec![Put])];
        assert_eq!(granted(inventory::OnOrderReturned::ROW), all);
        // Nobody's store need be guessed where everybody may ask.
        let all = [(Table::Tenants, vec![Get]), (Table::Inventory, vec![Get])];
        assert_eq!(granted(inventory::ShowAvailability::ROW), all);
        assert_eq!(granted(platform::OpenApi::ROW), []);
    }

    #[test]
    fn a_row_may_what_it_grants() {
        for row in crate::rows() {
            let granted = row.granted_tables();
            for table in Table::ALL {
                for action in [Action::Check, Action::Delete, Action::Get, Action::Put, Action::Query, Action::Update] {
                    let is_granted = granted.get(&table).is_some_and(|actions| actions.contains(&action));
                    assert_eq!(row.may(table, action), is_granted, "{} {table:?} {action:?}", row.function);
                }
            }
        }
    }

    #[test]
    fn keys_of_tokens_go_with_reading_them() {
        assert!(products::Get::ROW.has(Grant::TokenKeys) && platform::Authorizer::ROW.has(Grant::TokenKeys));
        assert!(!coupons::Get::ROW.has(Grant::TokenKeys) && !inventory::ShowAvailability::ROW.has(Grant::TokenKeys));
        assert!(coupons::List::ROW.has(Grant::CursorKey) && !coupons::Get::ROW.has(Grant::CursorKey));
    }

    #[test]
    fn problems_are_the_rows_own_and_those_of_its_kind() {
        assert_eq!(codes::<platform::OpenApi>(), ["invalid_if_match", "invalid_query", "body_too_large", "internal"]);
        assert_eq!(codes::<inventory::OnOrderPaid>(), [""; 0]);
        let (adjust, create, get) = (codes::<inventory::Adjust>(), codes::<coupons::Create>(), codes::<coupons::Get>());
        for code in ["below_reserved", "not_found", "idempotency_key_missing", "unauthorized", "store_missing", "busy"]
        {
            assert!(adjust.contains(&code), "{code}");
        }
        assert!(create.contains(&"code_taken") && create.contains(&"idempotency_key_reused"));
        assert!(!create.contains(&"idempotency_key_missing"));
        for code in ["code_taken", "idempotency_key_reused", "invalid_fields", "invalid_cursor", "version_mismatch"] {
            assert!(!get.contains(&code), "{code}");
        }
        assert!(codes::<coupons::List>().contains(&"invalid_cursor"));
    }

    #[test]
    fn a_problem_is_listed_once() {
        for row in crate::rows() {
            let mut names: Vec<_> = row.problems().iter().map(|code| code.name).collect();
            let total = names.len();
            names.sort_unstable();
            names.dedup();
            assert_eq!(names.len(), total, "{}", row.function);
        }
    }
}
