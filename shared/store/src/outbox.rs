//! The outbox: committed events that are to be published to the bus.

use contracts::table::Table;
use domain::{EventId, TenantId, Timestamp, limits::OUTBOX_TTL_S, time::after};
use serde::{Deserialize, Serialize};

use crate::{
    db::{Db, Position, SortOrder},
    entity::Entity,
    error::StoreError,
    keys::{self, Key, OUTBOX_SHARDS},
};

/// An event in the form that `PutEvents` takes. The relay reads it from the table's stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutboxRecord {
    /// Id of the event.
    pub id: EventId,
    /// Type of the event.
    pub event_type: String,
    /// The service that committed the event.
    pub source: String,
    /// When the event was committed.
    pub time: Timestamp,
    /// The envelope as JSON text.
    pub detail: String,
}

impl Entity for OutboxRecord {
    type Owner = TenantId;
    const TABLE: Table = Table::Outbox;
    const KIND: &'static str = "outbox";

    fn key(&self, tenant: TenantId) -> Key {
        keys::outbox(tenant, self.id)
    }

    fn ends_at(&self) -> Option<Timestamp> {
        Some(after(self.time, OUTBOX_TTL_S))
    }
}

/// Some events of a tenant's outbox, in the order of their ids, which is the order in which they were committed to the
/// millisecond.
#[derive(Debug)]
pub struct OutboxPage {
    /// The events.
    pub events: Vec<OutboxRecord>,
    /// Whether no event follows.
    pub is_last: bool,
}

impl OutboxPage {
    /// Reads the events after an id, `per_shard` or fewer of each shard.
    ///
    /// # Errors
    /// [`StoreError`]: a call failed, or an event cannot be read.
    pub async fn read(db: &Db, tenant: TenantId, after: EventId, per_shard: i32) -> Result<Self, StoreError> {
        let position = Position::after(after.to_string());
        let mut events: Vec<OutboxRecord> = vec![];
        // The smallest id that ends an unfinished shard: what is between it and the next page is not known yet.
        let mut known_until: Option<EventId> = None;
        for shard in 0..OUTBOX_SHARDS {
            let list = keys::outbox_events(tenant, shard);
            let (page, next) = db.list::<OutboxRecord>(&list, SortOrder::Ascending, per_shard, Some(&position)).await?;
            events.extend(page.into_iter().map(|event| event.value));
            if let (Some(_), Some(last)) = (next, events.last()) {
                known_until = Some(known_until.map_or(last.id, |until| until.min(last.id)));
            }
        }
        events.sort_unstable_by_key(|event| event.id);
        events.retain(|event| known_until.is_none_or(|until| event.id <= until));
        Ok(Self { events, is_last: known_until.is_none() })
    }
}

/// The needed fields of a stream record.
#[derive(Deserialize)]
struct StreamRecord {
    #[serde(rename = "eventName")]
    event_name: String,
    dynamodb: Change,
}

#[derive(Deserialize)]
struct Change {
    #[serde(rename = "NewImage")]
    new_image: Option<serde_dynamo::Item>,
}

/// An item as [`crate::entity`] writes it.
#[derive(Deserialize)]
struct Image {
    kind: String,
    data: OutboxRecord,
}

impl OutboxRecord {
    /// Reads a record of the table's stream, as Lambda receives it. `None` unless an event was added: DynamoDB deletes
    /// expired events, which makes records too.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] if the record is not of the outbox table.
    pub fn from_stream(record: &serde_json::Value) -> Result<Option<Self>, StoreError> {
        let record = StreamRecord::deserialize(record).map_err(|error| StoreError::corrupt(Self::KIND, &error))?;
        if record.event_name != "INSERT" {
            return Ok(None);
        }
        let image = record.dynamodb.new_image.ok_or_else(|| StoreError::corrupt(Self::KIND, &"no new image"))?;
        let image: Image = serde_dynamo::from_item(image).map_err(|error| StoreError::corrupt(Self::KIND, &error))?;
        if image.kind != Self::KIND {
            return Err(StoreError::corrupt(Self::KIND, &format!("found a {:?}", image.kind)));
        }
        Ok(Some(image.data))
    }
}
