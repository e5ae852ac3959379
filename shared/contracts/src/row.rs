//! Rows: every function has one, whether it is called by a request, by events, by a timer, by a stream or on a
//! schedule. The infrastructure, its permissions and the API's description are generated from rows. A function can use
//! what its row grants and nothing else ([`crate::gate`]).

use std::collections::{BTreeMap, BTreeSet};

use domain::Permission;
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    events::Incoming,
    problems::{self, Code},
    table::{Action, Grants, Table},
};

/// One function: its trigger, its permissions and its resources.
#[derive(Debug)]
pub struct Row {
    /// Name of the function, its binary, its operationId and its file: `orders-place`.
    pub function: &'static str,
    /// What the function does. The first line of an endpoint's text is its summary in the API's description.
    pub doc: &'static str,
    /// What calls the function.
    pub trigger: Trigger,
    /// Actions of the handler on tables; [`Row::may`] adds the actions that the trigger implies.
    pub tables: Grants,
    /// Types of the events that the handler commits.
    pub emits: &'static [&'static str],
    /// Other permissions.
    pub grants: &'static [Grant],
    /// Memory in MB; CPU grows with it.
    pub memory_mb: u16,
    /// Timeout in seconds.
    pub timeout_s: u16,
    /// Whether the function gets reserved concurrency, if the operator reserves any, so that a flood of other calls
    /// cannot starve it.
    pub reserved: bool,
}

/// What calls a function.
#[derive(Debug)]
pub enum Trigger {
    /// A request to the API.
    Request(&'static Route),
    /// Events on the bus: a rule forwards them to the function's queue.
    Events {
        /// Types of the events; an empty list means every type.
        types: &'static [&'static str],
        /// The function's queue.
        queue: Queue,
    },
    /// A timer of the function that is due: the sweep puts it into the function's queue.
    Timer {
        /// The function's queue.
        queue: Queue,
    },
    /// Reports of the mail service about mails that it sent: a rule forwards them to the function's queue.
    MailReports {
        /// The function's queue.
        queue: Queue,
    },
    /// The stream of the outbox table.
    Outbox {
        /// Records per call.
        batch: u16,
    },
    /// A schedule.
    Schedule {
        /// Minutes between two calls.
        every_minutes: u16,
    },
    /// API Gateway, to authorize a request.
    Authorizer,
    /// An operator with AWS credentials; no route leads to the function.
    Operator,
}

/// How a queue is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Queue {
    /// Messages per call; each succeeds or fails on its own.
    pub batch: u16,
    /// Maximum number of concurrent calls; 0 means no limit. SQS accepts 2 to 1000.
    pub concurrency: u16,
    /// When failed messages are delivered again.
    pub retry: Retry,
}

/// When a failed message is delivered again. A message that can never succeed is not retried: it is moved to the
/// dead-letter queue at once, with the reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retry {
    /// Seconds until the second try; every further wait is twice as long.
    pub first_s: u32,
    /// The longest wait between two tries, in seconds.
    pub longest_s: u32,
    /// Seconds after which the message is moved to the dead-letter queue.
    pub give_up_after_s: u32,
}

impl Retry {
    /// For steps that depend only on the database and on other steps: they mostly fail for moments, because an event
    /// arrived early or others changed the same item.
    pub const STEP: Self = Self { first_s: 5, longest_s: 300, give_up_after_s: 24 * 3_600 };
    /// For steps that call an external API, which may be unavailable for hours and should not be flooded with calls
    /// then.
    pub const DEPENDENCY: Self = Self { first_s: 30, longest_s: 900, give_up_after_s: 24 * 3_600 };

    /// Seconds until the next try of a message that was received `receives` times (1 or more).
    pub const fn wait_s(self, receives: u32) -> u32 {
        let doublings = receives.saturating_sub(1);
        if doublings >= 16 {
            return self.longest_s;
        }
        let wait_s = self.first_s.saturating_mul(1 << doublings);
        if wait_s < self.longest_s { wait_s } else { self.longest_s }
    }

    /// The `maxReceiveCount` of the queue, at most 1,000, which is the most that SQS accepts.
    ///
    /// The function itself gives a message up: by its age, which SQS does not look at, and with the reason. SQS counts
    /// receives, and steps in only where the function cannot: for a message that makes it crash or time out every time.
    /// Twice the receives of the whole policy leave room for messages that arrive early or share a batch that crashes.
    pub fn receives_max(self) -> u32 {
        let (mut receives, mut waited_s) = (1, 0);
        while waited_s < self.give_up_after_s && receives < RECEIVES_MAX {
            waited_s += self.wait_s(receives);
            receives += 1;
        }
        (2 * receives).min(RECEIVES_MAX)
    }
}

/// The highest `maxReceiveCount` that SQS accepts.
const RECEIVES_MAX: u32 = 1_000;
/// How long queues and dead-letter queues keep a message, in seconds: SQS's maximum. A message that SQS moves keeps the
/// time it was first sent, so its days in the first queue count too; a copy that the function moves starts anew. Both
/// leave a person more than twelve days.
pub const MESSAGE_RETENTION_S: u32 = 14 * 24 * 3_600;
/// Of the function's timeout, as AWS advises: a batch that is being retried must not be given to another call.
const VISIBILITY_FACTOR: u16 = 6;

/// HTTP methods of the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Reads.
    Get,
    /// Creates something, or performs an action.
    Post,
    /// Replaces something.
    Put,
    /// Changes a part of something.
    Patch,
    /// Removes something.
    Delete,
}

impl Method {
    /// The name in HTTP: `GET`.
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

/// The part of a row that only endpoints have.
#[derive(Debug)]
pub struct Route {
    /// The HTTP method.
    pub method: Method,
    /// The path, with parameters in braces: `/orders/{id}`.
    pub path: &'static str,
    /// Who may call the endpoint.
    pub access: Access,
    /// Whether the endpoint concerns a store.
    pub store: StoreScope,
    /// Whether the endpoint takes an `Idempotency-Key`.
    pub idempotency: Idempotency,
    /// HTTP status of a successful response.
    pub status: u16,
    /// The class whose rate limit applies.
    pub rate: RateClass,
    /// Problems that the handler answers with; [`Row::problems`] adds the common ones.
    pub problems: &'static [&'static Code],
    /// Makes the JSON Schemas of the endpoint's types.
    #[cfg(feature = "schema")]
    pub schemas: fn(&mut schemars::SchemaGenerator) -> Schemas,
}

/// Who may call an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Everybody. An access token is ignored, even an expired one, which a client may still send when it signs in.
    Public,
    /// Everybody. An access token is checked if there is one, because the store's team sees more than buyers.
    PublicOrToken,
    /// Callers with an access token whose role holds the permission.
    Needs(Permission),
}

/// Whether an endpoint concerns one store. The request names the store by `X-Store` or by the host name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoreScope {
    /// The endpoint concerns no store, or its path implies it.
    None,
    /// The request must name the store; staff of a tenant with one store can omit it.
    Required,
    /// The request can name a store.
    Optional,
}

/// Whether an endpoint takes the header `Idempotency-Key`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Idempotency {
    /// Not taken: reads, and writes that have the same effect when they are repeated.
    None,
    /// Optional.
    Accepted,
    /// Required: the endpoint moves money or stock, or changes orders.
    Required,
}

/// How many requests API Gateway lets through to an endpoint, so that a flood of sign-ins or of readers of the catalogue
/// leaves concurrency for payments, webhooks and what follows from them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RateClass {
    /// Signing in, and trying one-time codes.
    Auth,
    /// Requests that send a mail to an address which the caller types.
    Mail,
    /// Reads.
    Read,
    /// Writes that belong to no other class.
    Write,
    /// Placing and paying orders, and trying coupon codes.
    Checkout,
    /// Webhooks of payment providers.
    Webhook,
}

impl RateClass {
    /// Every class.
    pub const ALL: [Self; 6] = [Self::Auth, Self::Mail, Self::Read, Self::Write, Self::Checkout, Self::Webhook];

    /// The default class of an endpoint with this method.
    pub const fn of(method: Method) -> Self {
        match method {
            Method::Get => Self::Read,
            Method::Post | Method::Put | Method::Patch | Method::Delete => Self::Write,
        }
    }

    /// The limit of each endpoint of the class, where the operator sets no other.
    pub const fn throttle(self) -> Throttle {
        let (rate, burst) = match self {
            Self::Auth => (20, 40),
            Self::Mail => (10, 20),
            Self::Read => (500, 1_000),
            Self::Write | Self::Checkout => (100, 200),
            Self::Webhook => (200, 400),
        };
        Throttle { rate, burst }
    }
}

/// Requests to one endpoint, of all clients together, before API Gateway answers 429.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Throttle {
    /// Requests a second.
    pub rate: u16,
    /// Requests at once.
    pub burst: u16,
}

/// Permissions of a function besides tables and events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Grant {
    /// Read the public keys that verify access tokens.
    TokenKeys,
    /// Read the private key that signs access tokens.
    SigningKey,
    /// Read the key that authenticates cursors.
    CursorKey,
    /// Read the Paystack secret, which also signs Paystack's webhooks.
    Paystack,
    /// Send e-mails.
    SendEmail,
    /// Publish events to the bus.
    PutEvents,
    /// Send due timers to the queues of their functions.
    SendTimers,
    /// Look at messages in dead-letter queues.
    ReadDeadLetters,
    /// Move messages from dead-letter queues to the queues that they came from.
    Redrive,
}

impl Grant {
    /// Every grant.
    pub const ALL: [Self; 9] = [
        Self::TokenKeys,
        Self::SigningKey,
        Self::CursorKey,
        Self::Paystack,
        Self::SendEmail,
        Self::PutEvents,
        Self::SendTimers,
        Self::ReadDeadLetters,
        Self::Redrive,
    ];
}

/// The JSON Schemas of an endpoint's parts.
#[cfg(feature = "schema")]
#[derive(Debug)]
pub struct Schemas {
    /// Path parameters.
    pub path: schemars::Schema,
    /// Query parameters.
    pub query: schemars::Schema,
    /// Request body.
    pub body: schemars::Schema,
    /// Response body.
    pub reply: schemars::Schema,
}

impl Row {
    /// The service: the part of the name before the first hyphen.
    pub fn service(&self) -> &'static str {
        self.function.split('-').next().unwrap_or(self.function)
    }

    /// The route, if the function is an endpoint.
    pub const fn route(&self) -> Option<&'static Route> {
        match self.trigger {
            Trigger::Request(route) => Some(route),
            _ => None,
        }
    }

    /// The queue, if the function receives messages.
    pub const fn queue(&self) -> Option<Queue> {
        match self.trigger {
            Trigger::Events { queue, .. } | Trigger::Timer { queue } | Trigger::MailReports { queue } => Some(queue),
            _ => None,
        }
    }

    /// Whether the function takes events of a type.
    pub fn takes(&self, event_type: &str) -> bool {
        match self.trigger {
            Trigger::Events { types, .. } => types.is_empty() || types.contains(&event_type),
            _ => false,
        }
    }

    /// How long SQS hides a received message that the function neither finished nor held back, in seconds.
    pub const fn visibility_s(&self) -> u16 {
        self.timeout_s * VISIBILITY_FACTOR
    }

    /// Whether there is a queue for messages that the function could not process.
    pub const fn has_dead_letters(&self) -> bool {
        self.queue().is_some() || matches!(self.trigger, Trigger::Outbox { .. })
    }

    /// Whether the function may perform an action on a table, by its list or because its trigger implies it.
    pub fn may(&self, table: Table, action: Action) -> bool {
        let listed = |grants: &[(Table, &[Action])]| {
            grants.iter().any(|(granted, actions)| *granted == table && actions.contains(&action))
        };
        listed(self.tables) || self.implied().any(|implied| implied == (table, action))
    }

    /// Whether the function has a permission, by its list or because its trigger implies it.
    pub fn has(&self, grant: Grant) -> bool {
        self.grants.contains(&grant)
            || (grant == Grant::TokenKeys
                && (matches!(self.trigger, Trigger::Authorizer)
                    || self.route().is_some_and(|route| route.access == Access::PublicOrToken)))
    }

    /// All actions that the function may perform, by table.
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

    /// Actions that the trigger implies: finding the store of a request, storing its response under the idempotency
    /// key, counting it against its caller's rate limits, and committing events.
    fn implied(&self) -> impl Iterator<Item = (Table, Action)> {
        let route = self.route();
        let finds_store = route.is_some_and(|route| route.store != StoreScope::None);
        // Staff of a tenant with one store can omit it, so the tenant's stores are listed.
        let lists_stores = route.is_some_and(|route| {
            route.store == StoreScope::Required
                && match route.access {
                    Access::Needs(permission) => permission.is_for_staff(),
                    Access::PublicOrToken => true,
                    Access::Public => false,
                }
        });
        let remembers = route.is_some_and(|route| route.idempotency != Idempotency::None);
        let is_limited = route.is_some_and(|route| route.rate.is_limited());
        let has_rules = route.is_some_and(|route| {
            route.rate.ruled().is_some() && (route.access != Access::Public || route.store != StoreScope::None)
        });
        [
            (finds_store, (Table::Tenants, Action::Get)),
            (lists_stores, (Table::Tenants, Action::Query)),
            (remembers, (Table::Requests, Action::Get)),
            (remembers, (Table::Requests, Action::Put)),
            (is_limited, (Table::Requests, Action::Get)),
            (is_limited, (Table::Requests, Action::Put)),
            (has_rules, (Table::Tenants, Action::Get)),
            (!self.emits.is_empty(), (Table::Outbox, Action::Put)),
        ]
        .into_iter()
        .filter_map(|(is_implied, grant)| is_implied.then_some(grant))
    }

    /// Every problem that the endpoint may answer with, by status and name. Empty for other functions.
    pub fn problems(&self) -> Vec<&'static Code> {
        let Some(route) = self.route() else { return vec![] };
        let mut codes: Vec<&'static Code> = route.problems.to_vec();
        let mut add = |applies: bool, implied: &[&'static Code]| {
            if applies {
                codes.extend(implied);
            }
        };
        add(true, problems::EVERY);
        add(route.rate.is_limited(), problems::WITH_LIMIT);
        add(route.method != Method::Get, problems::WITH_BODY);
        // A rate limit that cannot be looked at lets the request through.
        let depends = !self.tables.is_empty()
            || !self.grants.is_empty()
            || route.store != StoreScope::None
            || route.idempotency != Idempotency::None;
        add(depends || self.has(Grant::TokenKeys), &[&problems::UNAVAILABLE]);
        add(matches!(route.access, Access::Needs(_)), problems::WITH_TOKEN);
        add(
            route.access == Access::PublicOrToken,
            &[&problems::TOKEN_EXPIRED, &problems::UNAUTHORIZED, &problems::FORBIDDEN],
        );
        add(route.store != StoreScope::None, problems::WITH_STORE);
        add(route.path.contains('{'), &[&problems::INVALID_PATH, &problems::NOT_FOUND]);
        add(route.idempotency != Idempotency::None, problems::WITH_KEY);
        add(route.idempotency == Idempotency::Required, &[&problems::IDEMPOTENCY_KEY_MISSING]);
        add(self.has(Grant::CursorKey), &[&problems::INVALID_CURSOR]);
        codes.sort_by_key(|code| (code.status, code.name));
        codes.dedup_by_key(|code| code.name);
        codes
    }
}

/// A function: everything that runs has a type, and the type its row.
pub trait Function: Send + Sync + 'static {
    /// The row.
    const ROW: &'static Row;
}

/// A function that answers HTTP requests. Its handler takes a `Call<Self>` and returns a `Self::Reply`.
pub trait Endpoint: Function {
    /// Path parameters.
    type Path: DeserializeOwned + Send;
    /// Query parameters.
    type Query: DeserializeOwned + Send;
    /// Request body.
    type Body: for<'de> eserde::EDeserialize<'de> + garde::Validate<Context = ()> + Serialize + Send;
    /// Body of a successful response.
    type Reply: Serialize + Send;
    /// The route.
    const ROUTE: &'static Route;
}

/// A function that consumes events. Its handler takes an `Envelope<Self::Event>`.
pub trait Consumer: Function {
    /// The events. Their types ([`Incoming::TYPES`]) are also the types that are forwarded to the function's queue.
    type Event: Incoming;
}

/// A function that is called by its timer. Its handler takes a [`Due`](crate::timers::Due).
pub trait Timer: Function {
    /// Id of the aggregate that the timer belongs to.
    type Subject: std::fmt::Display + std::str::FromStr + Copy + Send + Sync + 'static;
}

/// A function that is called by reports of the mail service.
pub trait Reported: Function {
    /// What a report says.
    type Report: serde::de::DeserializeOwned + Send + 'static;
}

/// Default memory, in MB. Enough for a handler that mostly waits for DynamoDB: CPU grows with memory, and starting
/// takes a millisecond.
pub const MEMORY_MB: u16 = 256;
/// Timeout of endpoints, in seconds. A caller is waiting; longer work belongs behind a queue.
pub const ENDPOINT_TIMEOUT_S: u16 = 10;
/// Default timeout of steps, in seconds: one read and one transaction, repeated a few times on conflicts.
pub const STEP_TIMEOUT_S: u16 = 20;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{coupons, inventory, payments, platform, products};

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
        let all = [
            (Table::Tenants, vec![Get]),
            (Table::Catalog, vec![Get]),
            (Table::Inventory, vec![Get]),
            (Table::Requests, vec![Get, Put]),
        ];
        assert_eq!(granted(inventory::ShowAvailability::ROW), all);
        // Where nobody's tenant is known, only the address is counted.
        assert_eq!(granted(platform::OpenApi::ROW), [(Table::Requests, vec![Get, Put])]);
        assert_eq!(
            granted(payments::WebhookPaystack::ROW),
            [(Table::Payments, vec![Get, Put]), (Table::Outbox, vec![Put])]
        );
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
        let codes_of_text = ["invalid_if_match", "invalid_query", "body_too_large", "rate_limited", "internal"];
        assert_eq!(codes::<platform::OpenApi>(), codes_of_text);
        assert!(!codes::<payments::WebhookPaystack>().contains(&"rate_limited"));
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
