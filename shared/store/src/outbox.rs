//! The outbox: committed events that are to be published to the bus.

use contracts::table::Table;
use domain::{EventId, TenantId, Timestamp, limits::OUTBOX_TTL_S, time::after};
use serde::{Deserialize, Serialize};

use crate::{
    entity::Entity,
    error::StoreError,
    keys::{self, Key},
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
