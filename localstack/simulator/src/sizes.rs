//! What is too large or not a text for AWS, in its own words where there is an answer to give.

use serde_json::{Value, json};

use crate::limits::{
    ANSWER_MAX_BYTES, ENTRIES_MAX, EVENTS_MAX_BYTES, ITEM_MAX_BYTES, MESSAGE_MAX_BYTES, TRANSACTION_MAX_BYTES,
    TRANSACTION_MAX_ITEMS,
};

/// A request that AWS refuses: its code, and why.
pub(crate) type Refusal = (&'static str, String);

/// Of a call to DynamoDB, as it came: names and punctuation of its JSON make it a little larger than what DynamoDB
/// counts.
pub(crate) fn of_dynamo(body: &[u8], request: &Value) -> Option<Refusal> {
    let refusal = |why: String| Some(("com.amazon.coral.validate#ValidationException", why));
    let parts = request["TransactItems"].as_array().map_or(&[][..], Vec::as_slice);
    if parts.len() > TRANSACTION_MAX_ITEMS {
        return refusal(format!("a transaction of {} items", parts.len()));
    }
    if body.len() > TRANSACTION_MAX_BYTES {
        return refusal(format!("a transaction of {} bytes", body.len()));
    }
    if body.len() <= ITEM_MAX_BYTES {
        return None;
    }
    let items = parts.iter().map(|part| &part["Put"]["Item"]).chain([&request["Item"]]);
    let size = items.map(size_of_item).max().unwrap_or_default();
    if size > ITEM_MAX_BYTES { refusal(format!("an item of {size} bytes")) } else { None }
}

/// An item as DynamoDB counts it: the UTF-8 of names and texts, some bytes of everything else.
fn size_of_item(item: &Value) -> usize {
    let fields = item.as_object().into_iter().flatten();
    fields.map(|(name, value)| name.len() + size_of_value(value)).sum()
}

fn size_of_value(value: &Value) -> usize {
    const CONTAINER: usize = 3;
    const ELEMENT: usize = 1;
    let Some((kind, value)) = value.as_object().and_then(|value| value.iter().next()) else { return 0 };
    match (kind.as_str(), value) {
        ("M", Value::Object(fields)) => {
            CONTAINER + fields.iter().map(|(name, value)| ELEMENT + name.len() + size_of_value(value)).sum::<usize>()
        }
        ("L", Value::Array(values)) => {
            CONTAINER + values.iter().map(|value| ELEMENT + size_of_value(value)).sum::<usize>()
        }
        // Two digits a byte, and one more.
        ("N", Value::String(digits)) => digits.len().div_ceil(2) + 1,
        (_, Value::String(text)) => text.len(),
        _ => 1,
    }
}

/// Of a call to EventBridge. What is refused of single entries comes for each of them, by position.
pub(crate) fn of_events(entries: &[Value]) -> Result<Vec<Option<Refusal>>, Refusal> {
    if entries.is_empty() || entries.len() > ENTRIES_MAX {
        return Err(("ValidationException", format!("{} entries", entries.len())));
    }
    let size: usize = entries.iter().map(size_of_event).sum();
    if size > EVENTS_MAX_BYTES {
        return Err(("ValidationException", format!("entries of {size} bytes")));
    }
    Ok(entries.iter().map(of_event).collect())
}

fn text<'a>(entry: &'a Value, name: &str) -> &'a str {
    entry[name].as_str().unwrap_or_default()
}

/// As EventBridge reckons it.
fn size_of_event(entry: &Value) -> usize {
    const TIME_BYTES: usize = 14;
    let time = if entry["Time"].is_null() { 0 } else { TIME_BYTES };
    time + ["Source", "DetailType", "Detail"].into_iter().map(|name| text(entry, name).len()).sum::<usize>()
}

fn of_event(entry: &Value) -> Option<Refusal> {
    let missing = ["Source", "DetailType", "Detail"].into_iter().find(|name| text(entry, name).is_empty());
    if let Some(missing) = missing {
        return Some(("InvalidArgument", format!("an event without {missing}")));
    }
    let is_object = serde_json::from_str::<Value>(text(entry, "Detail")).is_ok_and(|detail| detail.is_object());
    (!is_object).then(|| ("MalformedDetail", "an event whose detail is no JSON object".to_owned()))
}

/// What keeps the bus from putting an event into a queue.
pub(crate) fn of_delivery(detail: &Value) -> Option<String> {
    /// What EventBridge writes around an event's detail: source, type, time, region and the like.
    const AROUND_BYTES: usize = 1_024;
    let body = detail.to_string();
    if body.len() + AROUND_BYTES > MESSAGE_MAX_BYTES {
        return Some(format!("a message of {} bytes", body.len() + AROUND_BYTES));
    }
    refused_character(&body).map(|character| format!("a message with the character {character:?}"))
}

/// The first character that SQS takes in no body and no attribute.
pub(crate) fn refused_character(text: &str) -> Option<char> {
    let is_taken = |message: char| matches!(message, '\t' | '\n' | '\r' | ' '..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..='\u{10FFFF}');
    text.chars().find(|message| !is_taken(*message))
}

/// A function's answer that is larger than Lambda gives on, with its size. The body is text within JSON: every quote
/// takes two bytes.
pub(crate) fn of_answer(body: &[u8]) -> Option<usize> {
    if body.len() <= ANSWER_MAX_BYTES / 2 {
        return None;
    }
    let size = json!(String::from_utf8_lossy(body)).to_string().len();
    (size > ANSWER_MAX_BYTES).then_some(size)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_count_as_dynamodb_says() {
        let item = json!({ "pk": { "S": "ab" }, "n": { "N": "12345" }, "m": { "M": { "x": { "BOOL": true } } } });
        assert_eq!(size_of_item(&item), (2 + 2) + (1 + 4) + (1 + 3 + 1 + 1 + 1));
        let put =
            |bytes: usize| json!({ "TransactItems": [{ "Put": { "Item": { "a": { "S": "x".repeat(bytes) } } } }] });
        let refused = |request: Value| of_dynamo(request.to_string().as_bytes(), &request);
        assert_eq!(refused(put(ITEM_MAX_BYTES - 1)), None);
        assert_eq!(refused(put(ITEM_MAX_BYTES)).unwrap().1, "an item of 409601 bytes");
        let parts = |count| json!({ "TransactItems": vec![json!({ "Delete": {} }); count] });
        assert_eq!(refused(parts(100)), None);
        assert_eq!(refused(parts(101)).unwrap().1, "a transaction of 101 items");
        let large: Vec<_> = std::iter::repeat_with(|| put(300_000)["TransactItems"][0].clone()).take(15).collect();
        assert!(refused(json!({ "TransactItems": large })).is_some());
    }

    #[test]
    fn events_are_ten_in_a_quarter_megabyte_with_everything_they_need() {
        let event = |bytes: usize| {
            let detail = json!({ "x": "y".repeat(bytes) }).to_string();
            json!({ "Time": 1, "Source": "s", "DetailType": "T", "Detail": detail })
        };
        assert_eq!(of_events(&vec![event(1); 10]).unwrap(), vec![None; 10]);
        assert_eq!(of_events(&vec![event(1); 11]).unwrap_err().1, "11 entries");
        let overhead = 14 + 1 + 1 + 8;
        assert!(of_events(&[event(EVENTS_MAX_BYTES - overhead)]).is_ok());
        assert!(of_events(&[event(EVENTS_MAX_BYTES - overhead + 1)]).is_err());
        let mut spoilt = vec![event(1); 3];
        spoilt[0]["Detail"] = "[]".into();
        spoilt[1]["Source"] = Value::Null;
        let refused = of_events(&spoilt).unwrap();
        let codes: Vec<_> = refused.iter().map(|refused| refused.as_ref().map(|(code, _)| *code)).collect();
        assert_eq!(codes, [Some("MalformedDetail"), Some("InvalidArgument"), None]);
    }

    #[test]
    fn sqs_takes_no_control_characters() {
        assert_eq!(refused_character("a\tb\r\nç 漢 😀"), None);
        assert_eq!(of_delivery(&json!({ "name": "Ch\u{1}inua" })), None, "JSON escapes it");
        assert!(of_delivery(&json!({ "name": "Chinua\u{FFFF}" })).is_some());
        assert!(of_delivery(&json!({ "name": "x".repeat(MESSAGE_MAX_BYTES) })).is_some());
        for refused in ['\0', '\u{8}', '\u{1f}', '\u{FFFE}', '\u{FFFF}'] {
            assert_eq!(refused_character(&format!("a{refused}b")), Some(refused));
        }
    }

    #[test]
    fn an_answer_is_counted_with_its_quotes_escaped() {
        let half = vec![b'"'; ANSWER_MAX_BYTES / 2 + 1];
        assert_eq!(of_answer(&half), Some(2 * half.len() + 2));
        assert_eq!(of_answer(&vec![b'a'; ANSWER_MAX_BYTES - 2]), None);
        assert_eq!(of_answer(&vec![b'a'; ANSWER_MAX_BYTES - 1]), Some(ANSWER_MAX_BYTES + 1));
    }
}
