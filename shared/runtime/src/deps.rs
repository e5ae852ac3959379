//! What handlers use: the database, time, randomness, ids, secrets.

use std::{fmt::Debug, sync::Arc};

use domain::{EventId, TenantId, Timestamp};
use store::{Db, Tx};
use ulid::Ulid;

use crate::{boot::Boot, config::Config, http::store_scope::ClaimCache, secrets::Secrets};

/// Tells the time.
pub trait Clock: Send + Sync + Debug {
    fn now(&self) -> Timestamp;
}

/// Gives random bytes fit for secrets.
pub trait Entropy: Send + Sync + Debug {
    fn fill(&self, bytes: &mut [u8]);
}

/// The machine's clock, to the millisecond.
#[derive(Debug)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one clock")]
    fn now(&self) -> Timestamp {
        let now = Timestamp::now();
        Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
    }
}

/// The operating system's randomness.
#[derive(Debug)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        // Lambda's kernel has getrandom(2), which cannot fail once seeded; going on without it would be worse.
        #[expect(clippy::expect_used, reason = "without randomness every secret would be guessable")]
        getrandom::fill(bytes).expect("the operating system gives randomness");
    }
}

/// What every handler has.
#[derive(Debug, Clone)]
pub struct Deps {
    pub db: Db,
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<dyn Entropy>,
    pub config: Arc<Config>,
    pub secrets: Secrets,
    pub(crate) claims: ClaimCache,
}

impl Deps {
    pub(crate) fn new(boot: &Boot) -> Self {
        let db = Db::new(aws_sdk_dynamodb::Client::new(&boot.sdk), boot.config.table_prefix());
        let secrets = Secrets::from_sdk(&boot.sdk);
        Self::from_parts(db, Arc::clone(&boot.clock), Arc::clone(&boot.entropy), boot.config.clone(), secrets)
    }

    pub fn from_parts(
        db: Db,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        config: Config,
        secrets: Secrets,
    ) -> Self {
        Self { db, clock, entropy, config: Arc::new(config), secrets, claims: ClaimCache::default() }
    }

    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// A new id: `deps.id(OrderId::from_ulid)`.
    pub fn id<T>(&self, from_ulid: impl Fn(Ulid) -> T) -> T {
        let mut random = [0; 16];
        self.entropy.fill(&mut random);
        let since_1970_ms = u64::try_from(self.now().as_millisecond()).unwrap_or(0);
        from_ulid(Ulid::from_parts(since_1970_ms, u128::from_be_bytes(random)))
    }

    pub fn random<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.entropy.fill(&mut bytes);
        bytes
    }

    /// An empty transaction.
    pub fn tx(&self) -> Tx {
        Tx::new(self.id(|ulid| ulid).to_string())
    }

    /// A transaction in which a consumer deals with an event; see [`crate::consumer::commit`].
    pub fn step_tx(&self, consumer: &str, tenant: TenantId, event: EventId) -> (Tx, store::Op) {
        let mut tx = self.tx();
        let op = tx.inbox(tenant, consumer, event, self.now());
        (tx, op)
    }
}

impl AsRef<Self> for Deps {
    fn as_ref(&self) -> &Self {
        self
    }
}
