//! The dependencies of every handler: database, clock, randomness, ids and secrets.

use std::{fmt::Debug, sync::Arc};

use contracts::{
    gate::{Gate, Use},
    row::Grant,
};
use domain::Timestamp;
use serde::de::DeserializeOwned;
use store::{Db, Tx};
use ulid::Ulid;

use crate::{
    boot::Boot,
    claims::ClaimCache,
    config::Config,
    http::RateLimits,
    secrets::{SecretError, Secrets},
};

/// The source of the current time.
pub trait Clock: Send + Sync + Debug {
    fn now(&self) -> Timestamp;
}

/// The source of random bytes, good enough for secrets.
pub trait Entropy: Send + Sync + Debug {
    /// Fills `bytes` completely.
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

/// The dependencies of every handler. Each use is checked against the grants of its function's row.
#[derive(Debug, Clone)]
pub struct Deps {
    /// The database, limited to what the row grants.
    pub db: Db,
    /// The source of the current time; see [`Deps::now`].
    pub clock: Arc<dyn Clock>,
    /// The source of random bytes; see [`Deps::random`].
    pub entropy: Arc<dyn Entropy>,
    /// The function's configuration.
    pub config: Arc<Config>,
    gate: Gate,
    secrets: Secrets,
    pub(crate) claims: ClaimCache,
    pub(crate) rate_limits: RateLimits,
}

impl Deps {
    /// Dependencies without a function. Handlers get [`Granted`](crate::Granted); only tests call this directly, for
    /// fixtures that no function may write.
    pub fn new(boot: &Boot) -> Self {
        let over_network = || Db::new(aws_sdk_dynamodb::Client::new(&boot.sdk), boot.config.table_prefix());
        Self {
            db: boot.db.clone().unwrap_or_else(over_network).behind(boot.gate.clone()),
            clock: Arc::clone(&boot.clock),
            entropy: Arc::clone(&boot.entropy),
            config: Arc::new(boot.config.clone()),
            gate: boot.gate.clone(),
            secrets: boot.secrets.clone(),
            claims: boot.claims.clone(),
            rate_limits: boot.rate_limits.clone(),
        }
    }

    /// The current time, to the millisecond.
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

    /// Random bytes, good enough for secrets.
    pub fn random<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.entropy.fill(&mut bytes);
        bytes
    }

    /// Reads the secret of a grant, a JSON document, as `T`.
    ///
    /// # Errors
    /// [`SecretError`]: the secret cannot be read, is not a `T`, or is not granted.
    pub async fn secret<T: DeserializeOwned>(&self, grant: Grant) -> Result<T, SecretError> {
        let name = self.config.secret(grant);
        self.gate.pass(Use::Grant(grant)).map_err(|error| SecretError::new(name, error))?;
        self.secrets.get(name, self.now()).await
    }

    /// The error for a secret that was read but holds an unusable value.
    pub fn unusable(&self, grant: Grant, error: &dyn std::fmt::Display) -> SecretError {
        SecretError::new(self.config.secret(grant), error)
    }

    /// An empty transaction.
    pub fn tx(&self) -> Tx {
        Tx::new(self.id(|ulid| ulid).to_string())
    }
}
