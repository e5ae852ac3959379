//! The client: reads and transactions. All calls to DynamoDB are made here, or in `local` where it is in the same process.
//! The SDK's futures are large, and every handler's would hold them: they are boxed.

use std::{collections::HashMap, io::Write, sync::Arc, time::Duration};

use aws_sdk_dynamodb::{
    Client,
    config::AsyncSleep,
    error::SdkError,
    operation::transact_write_items::TransactWriteItemsError,
    types::{AttributeValue, KeysAndAttributes, TransactWriteItem},
};
use contracts::{
    gate::{Gate, Use},
    table::{Action, Table},
};
use serde::{Deserialize, Serialize};

use crate::{
    entity::{Entity, Item, Versioned, from_item, key_item, text},
    error::StoreError,
    keys::{Key, List},
    local::{self, Local},
    tx::{CommitError, Op, Part, Refused, Tx},
};

/// Where a list continues: the keys of the last item that was read, except the partition key, which the list itself
/// knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position(HashMap<String, String>);

impl Position {
    /// The position in a table after a sort key, whether an item has that key or not.
    pub(crate) fn after(sk: String) -> Self {
        Self(HashMap::from([("sk".to_owned(), sk)]))
    }
}

/// How often a transaction is repeated after a conflict with others. With [`backoff`] the waits add up to at most 5.2
/// seconds, within the shortest function timeout (10 s).
const CONFLICT_RETRIES: u32 = 14;
/// How often a batched read is called, to get the keys that earlier calls left unprocessed.
const BATCH_RETRIES: u32 = 8;
/// The largest size of a page of a list, counted as in [`reply_bytes`]. A reply of a Lambda function has at most 6 MB; the
/// difference is room for what the API adds to stored values. A single item has at most 400 KB.
const PAGE_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Pages of DynamoDB that are read at most to fill one page of a filtered list.
const FILTER_PAGES_MAX: u32 = 10;

/// A client for the tables of one environment.
#[derive(Debug, Clone)]
pub struct Db {
    client: Client,
    /// A database in the same process, which is called without the client.
    local: Option<Arc<dyn Local>>,
    prefix: String,
    gate: Gate,
}

impl Db {
    /// `prefix` is the first part of all table names: `selleasi-<env>-`.
    pub fn new(client: Client, prefix: impl Into<String>) -> Self {
        Self { client, local: None, prefix: prefix.into(), gate: Gate::open() }
    }

    /// The same, with a database in the same process.
    pub fn within(self, local: Arc<dyn Local>) -> Self {
        Self { local: Some(local), ..self }
    }

    /// The same client, limited to what a function's row grants.
    pub fn behind(self, gate: Gate) -> Self {
        Self { gate, ..self }
    }

    fn pass(&self, table: Table, action: Action) -> Result<(), StoreError> {
        Ok(self.gate.pass(Use::Table(table, action))?)
    }

    /// The SDK's client, which bypasses the gate: for tests and tools.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Waits with the SDK's timer, which the simulator replaces.
    pub async fn sleep(&self, duration: Duration) {
        if let Some(sleep) = self.client.config().sleep_impl() {
            sleep.sleep(duration).await;
        }
    }

    /// The full name of a table: `selleasi-<env>-<name>`.
    pub fn table_name(&self, table: Table) -> String {
        format!("{}{}", self.prefix, table.name())
    }

    /// Reads one value, strongly consistent. `None` if the item does not exist.
    ///
    /// # Errors
    /// [`StoreError`]: the call failed, or the item cannot be read.
    pub async fn get<T: Entity>(&self, key: &Key) -> Result<Option<Versioned<T>>, StoreError> {
        self.pass(key.table, Action::Get)?;
        self.get_item(self.table_name(key.table), key_item(key)).await?.map(from_item).transpose()
    }

    async fn get_item(&self, table: String, key: Item) -> Result<Option<Item>, StoreError> {
        if let Some(local) = &self.local {
            return local::get(&**local, table, key).await;
        }
        let call = self.client.get_item().table_name(table).set_key(Some(key)).consistent_read(true);
        Ok(Box::pin(call.send()).await.map_err(|error| StoreError::sdk(&error))?.item)
    }

    /// Reads up to 100 items of any tables in one call, strongly consistent.
    ///
    /// # Errors
    /// [`StoreError`]: a call failed, or keys are still unprocessed after several calls.
    pub async fn batch_get(&self, keys: &[Key]) -> Result<Found, StoreError> {
        let mut wanted: HashMap<String, Vec<Item>> = HashMap::new();
        for key in keys {
            self.pass(key.table, Action::BatchGet)?;
            wanted.entry(self.table_name(key.table)).or_default().push(key_item(key));
        }
        if wanted.is_empty() {
            return Ok(Found::default());
        }
        let answer = match &self.local {
            Some(local) => local::batch_get(&**local, &wanted).await?,
            None => self.batch_get_items(wanted).await?,
        };
        let mut found = Found::default();
        for (table, items) in answer {
            let table = table.strip_prefix(&self.prefix).unwrap_or(&table).to_owned();
            found.0.extend(items.into_iter().filter_map(|item| Some((place(&table, &item)?, item))));
        }
        Ok(found)
    }

    async fn batch_get_items(
        &self,
        wanted: HashMap<String, Vec<Item>>,
    ) -> Result<HashMap<String, Vec<Item>>, StoreError> {
        let mut left: HashMap<String, KeysAndAttributes> = HashMap::new();
        for (table, keys) in wanted {
            let built = KeysAndAttributes::builder().set_keys(Some(keys)).consistent_read(true).build();
            left.insert(table, built.map_err(|error| StoreError::Unavailable(error.to_string()))?);
        }
        let mut found: HashMap<String, Vec<Item>> = HashMap::new();
        for attempt in 0..BATCH_RETRIES {
            if attempt > 0 {
                self.sleep(backoff("batch", attempt)).await;
            }
            let answer = Box::pin(self.client.batch_get_item().set_request_items(Some(left)).send()).await;
            let answer = answer.map_err(|error| StoreError::sdk(&error))?;
            for (table, items) in answer.responses.unwrap_or_default() {
                found.entry(table).or_default().extend(items);
            }
            left = answer.unprocessed_keys.unwrap_or_default();
            if left.is_empty() {
                return Ok(found);
            }
        }
        Err(StoreError::Unavailable("batched read throttled".into()))
    }

    /// Reads a page of a list. Returns its items and the position of the next page, `None` on the last one. A list
    /// over an index is eventually consistent. A page of large items has fewer than `limit`, so that it fits into a reply.
    ///
    /// # Errors
    /// [`StoreError`]: a call failed, or an item cannot be read.
    pub async fn list<T: Entity>(
        &self,
        list: &List,
        order: SortOrder,
        limit: i32,
        from: Option<&Position>,
    ) -> Result<(Vec<Versioned<T>>, Option<Position>), StoreError> {
        self.list_where(list, order, limit, from, |_: &T| true).await
    }

    /// Like [`Db::list`], with only the values that `wanted` accepts. The number of calls is bounded, so a page may
    /// have fewer items than `limit` although more follow.
    ///
    /// # Errors
    /// As [`Db::list`].
    pub async fn list_where<T: Entity>(
        &self,
        list: &List,
        order: SortOrder,
        limit: i32,
        from: Option<&Position>,
        wanted: impl Fn(&T) -> bool,
    ) -> Result<(Vec<Versioned<T>>, Option<Position>), StoreError> {
        self.pass(list.table, Action::Query)?;
        let page_size = usize::try_from(limit).unwrap_or(1);
        let mut found: Vec<Versioned<T>> = vec![];
        let mut passed = from.cloned();
        let mut start = from.cloned();
        let mut bytes = 0;
        for _ in 0..FILTER_PAGES_MAX {
            // One item more than needed shows whether there is a next page.
            let (items, next) = self.page(list, order, limit + 1, start.as_ref()).await?;
            for item in items {
                let position = position_of(list, &item);
                let value = from_item::<T>(item)?;
                if wanted(&value.value) {
                    bytes += reply_bytes(&value.value);
                    if found.len() == page_size || (bytes > PAGE_BYTES_MAX && !found.is_empty()) {
                        return Ok((found, passed));
                    }
                    found.push(value);
                }
                passed = Some(position);
            }
            if next.is_none() {
                return Ok((found, None));
            }
            start = next;
        }
        Ok((found, passed))
    }

    async fn page(
        &self,
        list: &List,
        order: SortOrder,
        limit: i32,
        from: Option<&Position>,
    ) -> Result<(Vec<Item>, Option<Position>), StoreError> {
        let (pk_name, sk_name) = key_names(list);
        let mut condition = "#pk = :pk".to_owned();
        let mut names = HashMap::from([("#pk".to_owned(), pk_name)]);
        let mut values = HashMap::from([(":pk".to_owned(), text(&list.pk))]);
        if !list.sk_prefix.is_empty() {
            condition.push_str(" AND begins_with(#sk, :sk)");
            names.insert("#sk".to_owned(), sk_name);
            values.insert(":sk".to_owned(), text(list.sk_prefix));
        }
        let start = from.map(|Position(keys)| {
            keys.iter()
                .map(|(name, value)| (name.clone(), text(value)))
                .chain([(pk_name_owned(list), text(&list.pk))])
                .collect()
        });
        let query = Query {
            table_name: self.table_name(list.table),
            index_name: list.index.map(|index| format!("gsi{index}")),
            is_consistent: list.index.is_none(),
            is_ascending: order == SortOrder::Ascending,
            limit,
            condition,
            names,
            values,
            start,
        };
        let (items, last) = match &self.local {
            Some(local) => local::query(&**local, query).await?,
            None => self.query(query).await?,
        };
        Ok((items, last.as_ref().map(|key| position_of(list, key))))
    }

    async fn query(&self, query: Query) -> Result<(Vec<Item>, Option<Item>), StoreError> {
        let call = self
            .client
            .query()
            .table_name(query.table_name)
            .set_index_name(query.index_name)
            .consistent_read(query.is_consistent)
            .scan_index_forward(query.is_ascending)
            .limit(query.limit)
            .key_condition_expression(query.condition)
            .set_expression_attribute_names(Some(query.names))
            .set_expression_attribute_values(Some(query.values))
            .set_exclusive_start_key(query.start);
        let answer = Box::pin(call.send()).await.map_err(|error| StoreError::sdk(&error))?;
        Ok((answer.items.unwrap_or_default(), answer.last_evaluated_key))
    }

    /// Runs a transaction: all of its parts or none. Conflicts with other transactions are retried. Every try has the
    /// same token, so the transaction takes effect only once, even if a response was lost.
    ///
    /// # Errors
    /// [`CommitError::Refused`] if a condition does not hold, which is not retried; [`CommitError::Busy`] if conflicts
    /// continue; [`CommitError::Store`] if the call failed or the transaction could not be built.
    pub async fn commit(&self, tx: Tx) -> Result<(), CommitError> {
        self.commit_with(tx, CONFLICT_RETRIES).await
    }

    /// Like [`Db::commit`], but conflicts are not waited for: the first one is [`CommitError::Busy`].
    ///
    /// # Errors
    /// As [`Db::commit`].
    pub async fn commit_at_once(&self, tx: Tx) -> Result<(), CommitError> {
        self.commit_with(tx, 0).await
    }

    async fn commit_with(&self, tx: Tx, conflict_retries: u32) -> Result<(), CommitError> {
        let Tx { token, items, emits, error } = tx;
        if let Some(error) = error {
            return Err(error.into());
        }
        for (table, action) in items.iter().map(Part::wants) {
            self.pass(table, action)?;
        }
        for event_type in emits {
            self.gate.pass(Use::Emit(event_type)).map_err(StoreError::from)?;
        }
        // An empty transaction succeeds without a call, because DynamoDB rejects it.
        if items.is_empty() {
            return Ok(());
        }
        let items: Vec<_> = items.into_iter().map(|part| part.build(&|table| self.table_name(table))).collect();
        for attempt in 0..=conflict_retries {
            if attempt > 0 {
                self.sleep(backoff(&token, attempt)).await;
            }
            let sent = match &self.local {
                Some(local) => local::transact(&**local, &items, &token).await,
                None => self.transact(&items, &token).await,
            };
            match sent {
                Ok(()) => return Ok(()),
                Err(uncommitted) => match judge(uncommitted) {
                    Verdict::TryAgain => {}
                    Verdict::Final(error) => return Err(error),
                },
            }
        }
        Err(CommitError::Busy)
    }

    async fn transact(&self, items: &[TransactWriteItem], token: &str) -> Result<(), Uncommitted> {
        let call = self.client.transact_write_items().set_transact_items(Some(items.to_vec()));
        let sent = Box::pin(call.client_request_token(token).send()).await;
        sent.map(drop).map_err(|error| Uncommitted::sdk(&error))
    }
}

/// What a query asks for.
pub(crate) struct Query {
    pub(crate) table_name: String,
    pub(crate) index_name: Option<String>,
    pub(crate) is_consistent: bool,
    pub(crate) is_ascending: bool,
    pub(crate) limit: i32,
    pub(crate) condition: String,
    pub(crate) names: HashMap<String, String>,
    pub(crate) values: Item,
    /// The key after which the page begins.
    pub(crate) start: Option<Item>,
}

/// Why a call of a transaction did not commit it.
pub(crate) enum Uncommitted {
    /// Of some parts, with a reason for each part, in their order.
    Cancelled(Vec<CancelReason>),
    /// An earlier call with the same token is still under way.
    InProgress,
    /// The call failed.
    Failed(StoreError),
}

/// Why a part of a transaction was cancelled; no code if it was not.
pub(crate) struct CancelReason {
    pub(crate) code: Option<String>,
    pub(crate) message: String,
    /// What is stored in its place.
    pub(crate) item: Option<Item>,
}

impl Uncommitted {
    fn sdk(error: &SdkError<TransactWriteItemsError>) -> Self {
        match error.as_service_error() {
            Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) => {
                let reasons = cancelled.cancellation_reasons().iter().map(|reason| CancelReason {
                    code: reason.code().filter(|code| *code != "None").map(str::to_owned),
                    message: reason.message().unwrap_or_default().to_owned(),
                    item: reason.item().cloned(),
                });
                Self::Cancelled(reasons.collect())
            }
            Some(TransactWriteItemsError::TransactionInProgressException(_)) => Self::InProgress,
            _ => Self::Failed(StoreError::sdk(error)),
        }
    }
}

/// The direction in which a list is read, by its sort key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SortOrder {
    /// From the smallest sort key: oldest first, where the sort key is an id.
    Ascending,
    /// From the largest sort key: newest first, where the sort key is an id.
    Descending,
}

/// The items that a batched read found.
#[derive(Debug, Default)]
pub struct Found(HashMap<(String, String, String), Item>);

impl Found {
    /// Takes one value; `None` if the item does not exist or was taken before.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] if the item cannot be read.
    pub fn take<T: Entity>(&mut self, key: &Key) -> Result<Option<Versioned<T>>, StoreError> {
        let place = (key.table.name().to_owned(), key.pk.clone(), key.sk.clone());
        self.0.remove(&place).map(from_item).transpose()
    }
}

fn place(table: &str, item: &Item) -> Option<(String, String, String)> {
    let part = |name: &str| item.get(name).and_then(|value| value.as_s().ok()).cloned();
    Some((table.to_owned(), part("pk")?, part("sk")?))
}

fn key_names(list: &List) -> (String, String) {
    list.index
        .map_or_else(|| ("pk".to_owned(), "sk".to_owned()), |index| (format!("gsi{index}pk"), format!("gsi{index}sk")))
}

fn pk_name_owned(list: &List) -> String {
    key_names(list).0
}

/// The position after an item. It omits the list's partition key, so that a cursor cannot name another partition.
fn position_of(list: &List, item: &HashMap<String, AttributeValue>) -> Position {
    let mut names = vec!["sk".to_owned()];
    if list.index.is_some() {
        names.extend(["pk".to_owned(), key_names(list).1]);
    }
    Position(names.into_iter().filter_map(|name| Some((name.clone(), item.get(&name)?.as_s().ok()?.clone()))).collect())
}

/// Bytes of a value in the reply of a function: there its JSON is itself a JSON string, so that each quotation mark and
/// backslash takes two.
fn reply_bytes(value: &impl Serialize) -> usize {
    struct Counter(usize);
    impl Write for Counter {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0 += bytes.len() + bytes.iter().filter(|byte| matches!(byte, b'"' | b'\\')).count();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let mut counter = Counter(0);
    // What was read from the database can be written again; what could not would fail the reply, not the count.
    let _ = serde_json::to_writer(&mut counter, value);
    counter.0
}

enum Verdict {
    TryAgain,
    Final(CommitError),
}

fn judge(uncommitted: Uncommitted) -> Verdict {
    let reasons = match uncommitted {
        Uncommitted::Cancelled(reasons) => reasons,
        Uncommitted::InProgress => return Verdict::TryAgain,
        Uncommitted::Failed(error) => return Verdict::Final(error.into()),
    };
    let mut refused = vec![];
    let mut contended = false;
    for (index, reason) in reasons.into_iter().enumerate() {
        match reason.code.as_deref() {
            Some("ConditionalCheckFailed") => refused.push((Op(index), reason.item)),
            Some("TransactionConflict" | "ThrottlingError" | "ProvisionedThroughputExceeded") => contended = true,
            None => {}
            Some(code) => {
                let detail = format!("{code}: {}", reason.message);
                return Verdict::Final(StoreError::Fault(detail).into());
            }
        }
    }
    if !refused.is_empty() {
        Verdict::Final(CommitError::Refused(Refused(refused)))
    } else if contended {
        Verdict::TryAgain
    } else {
        Verdict::Final(StoreError::Unavailable("cancelled without a reason".into()).into())
    }
}

/// The wait before a retry: full jitter under an exponential bound of at most 500 ms. The jitter is derived from the
/// token, which is random, so that competing transactions spread out, and a simulation can be replayed exactly.
fn backoff(token: &str, attempt: u32) -> Duration {
    let bound_ms = (10_u64 << attempt.min(6)).min(500);
    let mixed = token.bytes().fold(u64::from(attempt).wrapping_mul(0x9E37_79B9_7F4A_7C15), |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3)
    });
    Duration::from_millis((mixed >> 20) % bound_ms + 1)
}

#[cfg(test)]
mod tests {
    use super::reply_bytes;

    #[test]
    fn bytes_of_a_value_are_those_of_a_json_string_that_holds_its_json() {
        for text in ["", "plain", "a \"quoted\" \\ word", "naïve ✓"] {
            let value = std::collections::BTreeMap::from([("name", text)]);
            let json = serde_json::to_string(&value).unwrap();
            // Without the quotation marks around it.
            assert_eq!(reply_bytes(&value), serde_json::to_string(&json).unwrap().len() - 2, "{text}");
        }
    }
}
