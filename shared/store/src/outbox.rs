//! Events on their way to the bus.

use contracts::table::Table;
use domain::{EventId, TenantId, Timestamp, limits::OUTBOX_TTL_S, time::after};
use serde::{Deserialize, Serialize};

use crate::{
    entity::Entity,
    error::StoreError,
    keys::{self, Key},
};

/// An event as `PutEvents` takes it. The relay reads these from the stream's new images.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutboxRecord {
    pub id: EventId,
    pub event_type: String,
    pub source: String,
    pub time: Timestamp,
    /// The envelope, as JSON text.
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

/// As much of a stream's record as is needed.
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
    /// Reads a record of the table's stream, as Lambda gets it. `None`: nothing was added; an old event was cleaned up.
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
