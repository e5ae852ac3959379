//! What handlers use: the database, time, randomness, ids, secrets.

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
    secrets::{SecretError, Secrets},
};

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

/// What every handler has. What it reaches for is held against its function's row.
#[derive(Debug, Clone)]
pub struct Deps {
    pub db: Db,
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<dyn Entropy>,
    pub config: Arc<Config>,
    gate: Gate,
    secrets: Secrets,
    pub(crate) claims: ClaimCache,
}

impl Deps {
    /// As [`Granted`](crate::Granted) has them; by itself only for tests, which furnish what no function may.
    pub fn new(boot: &Boot) -> Self {
        let client = aws_sdk_dynamodb::Client::new(&boot.sdk);
        Self {
            db: Db::new(client, boot.config.table_prefix()).behind(boot.gate.clone()),
            clock: Arc::clone(&boot.clock),
            entropy: Arc::clone(&boot.entropy),
            config: Arc::new(boot.config.clone()),
            gate: boot.gate.clone(),
            secrets: boot.secrets.clone(),
            claims: boot.claims.clone(),
        }
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

    /// The secret that a grant lets read, which is a JSON document, as `T`.
    ///
    /// # Errors
    /// It is away, is not what it should be, or is not granted.
    pub async fn secret<T: DeserializeOwned>(&self, grant: Grant) -> Result<T, SecretError> {
        let name = self.config.secret(grant);
        self.gate.pass(Use::Grant(grant)).map_err(|error| SecretError::new(name, error))?;
        self.secrets.get(name, self.now()).await
    }

    /// The secret that a grant lets read was read, and does not hold what can be used.
    pub fn unusable(&self, grant: Grant, error: &dyn std::fmt::Display) -> SecretError {
        SecretError::new(self.config.secret(grant), error)
    }

    /// An empty transaction.
    pub fn tx(&self) -> Tx {
        Tx::new(self.id(|ulid| ulid).to_string())
    }
}
