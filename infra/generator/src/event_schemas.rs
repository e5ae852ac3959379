//! JSON Schema of each event's envelope, as it is sent.

use contracts::events;
use schemars::{generate::SchemaSettings, transform::RecursiveTransform};
use serde_json::{Value, json};

use crate::{api, enums::plain_enum};

/// Type and schema.
pub(crate) fn all() -> Vec<(&'static str, Value)> {
    events::schemas()
        .into_iter()
        .map(|(event_type, source, schema)| {
            let mut generator = SchemaSettings::draft2020_12()
                .with_transform(RecursiveTransform(plain_enum))
                .for_serialize()
                .into_generator();
            let mut schema = schema(&mut generator).to_value();
            schema["title"] = event_type.into();
            schema["properties"]["type"] = json!({ "const": event_type });
            schema["properties"]["source"]["const"] = source.into();
            api::times(&mut schema);
            if let Some(definitions) = schema.get_mut("$defs").and_then(Value::as_object_mut) {
                definitions.values_mut().for_each(api::times);
            }
            (event_type, schema)
        })
        .collect()
}
