//! Request bodies: size, depth, JSON syntax, shape (fields and types) and rules are checked, in this order. The first
//! two protect the function. All fields with a wrong shape are reported together, and so are all fields that break a
//! rule. Rules and handlers see texts in their canonical form.

use std::collections::HashSet;

use contracts::{http::FieldError, problems};
use eserde::EDeserialize;
use garde::Validate;
use serde::{Serialize, de::IgnoredAny};
use serde_json::Value;

use crate::http::{Problem, RawRequest, takes_no_body, texts, words};

pub(crate) const BYTES_MAX: usize = 256 * 1024;
const DEPTH_MAX: usize = 32;
/// A body is read at most this many times to find all of its wrong fields.
const ERRORS_MAX: usize = 20;
const MISSING: &str = "missing";
const UNKNOWN: &str = "unknown";

pub(crate) fn check_size(body: &[u8]) -> Result<(), Problem> {
    if body.len() <= BYTES_MAX {
        return Ok(());
    }
    Err(Problem::new(&problems::BODY_TOO_LARGE, format!("a request body may have up to {BYTES_MAX} bytes")))
}

pub(crate) fn parse<B>(raw: &RawRequest) -> Result<B, Problem>
where
    B: for<'de> EDeserialize<'de> + Validate<Context = ()> + Serialize + 'static,
{
    // Endpoints without a body ignore it; the handler of a webhook reads the raw body itself.
    if takes_no_body::<B>() || raw.body.is_empty() {
        return read(b"{}").map_err(|problem| {
            if raw.body.is_empty() && !takes_no_body::<B>() {
                problem.because("the request has no body")
            } else {
                problem
            }
        });
    }
    let media_type = raw.header("content-type").unwrap_or_default().split(';').next().unwrap_or_default();
    if !media_type.trim().eq_ignore_ascii_case("application/json") {
        return Err(Problem::new(&problems::UNSUPPORTED_MEDIA_TYPE, "send the body as application/json"));
    }
    check_depth(&raw.body)?;
    serde_json::from_slice::<IgnoredAny>(&raw.body)
        .map_err(|error| Problem::new(&problems::MALFORMED_JSON, words::about_syntax(&error)))?;
    read(&raw.body)
}

fn read<B>(json: &[u8]) -> Result<B, Problem>
where
    B: for<'de> EDeserialize<'de> + Validate<Context = ()> + Serialize,
{
    let text =
        std::str::from_utf8(json).map_err(|_| Problem::new(&problems::MALFORMED_JSON, "the body is not UTF-8"))?;
    let mut body = shaped::<B>(text)?;
    let mut sent = serde_json::from_str(text).map_err(|error| Problem::internal(&error))?;
    let mut empty = vec![];
    if texts::canonicalise(&mut sent, &mut empty) {
        keep_required::<B>(&mut sent, &empty);
        body = shaped(&sent.to_string())?;
    }
    let mut errors = texts::unsendable(&mut sent);
    let kinds = wrong_kinds(&sent, &body);
    if !kinds.is_empty() {
        return Err(Problem::invalid(kinds));
    }
    if let Err(report) = body.validate() {
        errors.extend(report.iter().map(|(path, error)| FieldError {
            pointer: pointer(&path.to_string()),
            code: "invalid".to_owned(),
            detail: error.message().to_owned(),
        }));
    }
    // A field is named once, even if it breaks several rules.
    let mut named = HashSet::new();
    errors.retain(|error| named.insert(error.pointer.clone()));
    if errors.is_empty() { Ok(body) } else { Err(Problem::invalid(errors)) }
}

fn shaped<B: for<'de> EDeserialize<'de>>(text: &str) -> Result<B, Problem> {
    shape::<B>(text).map_err(|errors| {
        let errors = all_shape_errors::<B>(text, errors);
        Problem::invalid(errors.into_iter().map(|error| {
            let detail = words::about_value(&error.detail);
            FieldError { detail, ..error }
        }))
    })
}

/// Empty texts became null. Those that cannot be null become empty texts again, for their fields' rules.
fn keep_required<B: for<'de> EDeserialize<'de>>(json: &mut Value, empty: &[String]) {
    let text = json.to_string();
    let errors = shape::<B>(&text).map_err(|errors| all_shape_errors::<B>(&text, errors)).err().unwrap_or_default();
    for error in errors {
        if empty.contains(&error.pointer)
            && let Some(value) = json.pointer_mut(&error.pointer)
        {
            *value = Value::String(String::new());
        }
    }
}

/// serde also accepts an array for a struct, and an object for the name of an enum variant. To refuse these, the value
/// that was read is serialised again, which yields the types of the schema, and the body's JSON types are compared
/// with them. A null that is not there again cleared nothing: see `contracts::patch`.
fn wrong_kinds<B: Serialize>(sent: &Value, body: &B) -> Vec<FieldError> {
    let mut errors = vec![];
    if let Ok(read) = serde_json::to_value(body) {
        compare_kinds("", sent, &read, &mut errors);
    }
    errors
}

fn compare_kinds(at: &str, sent: &Value, read: &Value, errors: &mut Vec<FieldError>) {
    match (sent, read) {
        (_, Value::Null) => {}
        (Value::Object(sent), Value::Object(read)) => {
            for (name, value) in sent {
                let at = format!("{at}/{}", escape(name));
                match read.get(name) {
                    Some(read) => compare_kinds(&at, value, read, errors),
                    None if value.is_null() => errors.push(FieldError {
                        pointer: at,
                        code: "invalid_type".to_owned(),
                        detail: "this field cannot be empty; leave it out to keep its value".to_owned(),
                    }),
                    None => {}
                }
            }
        }
        (Value::Array(sent), Value::Array(read)) => {
            for (index, (sent, read)) in sent.iter().zip(read).enumerate() {
                compare_kinds(&format!("{at}/{index}"), sent, read, errors);
            }
        }
        _ if std::mem::discriminant(sent) == std::mem::discriminant(read) => {}
        _ => errors.push(FieldError {
            pointer: at.to_owned(),
            code: "invalid_type".to_owned(),
            detail: format!("expected {}, not {}", kind(read), kind(sent)),
        }),
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

fn shape<B: for<'de> EDeserialize<'de>>(text: &str) -> Result<B, Vec<FieldError>> {
    eserde::json::from_str::<B>(text).map_err(|errors| {
        let told = errors.iter().map(|error| {
            let path = error.path().map(ToString::to_string).unwrap_or_default();
            shape_error(&path, error.message())
        });
        told.collect()
    })
}

/// eserde continues to read after an error, but at an undefined position, so later errors may be false. Each error is
/// therefore checked against the document, its field is removed, and the rest is read again.
fn all_shape_errors<B: for<'de> EDeserialize<'de>>(text: &str, first: Vec<FieldError>) -> Vec<FieldError> {
    let Ok(mut json) = serde_json::from_str::<Value>(text) else { return first };
    let mut found: Vec<FieldError> = vec![];
    let mut errors = first;
    for _ in 0..ERRORS_MAX {
        // The first error of each read is reliable; only later ones may be false.
        let mut is_first = true;
        errors.retain(|error| std::mem::take(&mut is_first) || is_true_of(&json, error));
        // An error inside or around a field that was reported already is the same mistake.
        let is_told = |error: &FieldError| {
            found.iter().any(|told| told.pointer == error.pointer || (told.code != MISSING && overlap(told, error)))
        };
        let fresh: Vec<_> = errors.iter().filter(|error| !is_told(error)).cloned().collect();
        let before = json.clone();
        if fresh.is_empty() {
            for error in &errors {
                take_out_parent(&mut json, &error.pointer);
            }
        } else {
            for error in &fresh {
                take_out(&mut json, error);
            }
        }
        found.extend(fresh);
        if json == before {
            break;
        }
        errors = shape::<B>(&json.to_string()).err().unwrap_or_default();
    }
    found
}

/// Whether an error can be true of the document: a missing field does not exist, any other field does, and a document
/// that was read as JSON has no syntax errors.
fn is_true_of(json: &Value, error: &FieldError) -> bool {
    const SYNTAX: [&str; 8] = [
        "EOF while",
        "expected `",
        "expected value",
        "expected ident",
        "key must be",
        "trailing",
        "invalid number",
        "control",
    ];
    let there = json.pointer(&error.pointer).is_some();
    there != (error.code == MISSING) && !SYNTAX.iter().any(|prefix| error.detail.starts_with(prefix))
}

/// Makes the rest readable: removes an unknown field, and replaces a wrong value by null.
fn take_out(json: &mut Value, error: &FieldError) {
    let (parent, name) = error.pointer.rsplit_once('/').unwrap_or_default();
    if error.code == UNKNOWN {
        if let Some(object) = json.pointer_mut(parent).and_then(Value::as_object_mut) {
            object.remove(&name.replace("~1", "/").replace("~0", "~"));
        }
    } else if let Some(value) = json.pointer_mut(&error.pointer) {
        *value = Value::Null;
    }
}

/// If null is wrong too, replaces the value that contains the field by null, but never the whole body.
fn take_out_parent(json: &mut Value, pointer: &str) {
    if let Some((parent, _)) = pointer.rsplit_once('/')
        && !parent.is_empty()
        && let Some(value) = json.pointer_mut(parent)
    {
        *value = Value::Null;
    }
}

fn overlap(one: &FieldError, other: &FieldError) -> bool {
    let (one, other) = (&one.pointer, &other.pointer);
    let (short, long) = if one.len() < other.len() { (one, other) } else { (other, one) };
    long.strip_prefix(short.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Makes an error of a field from serde's message, which has no code. `detail` is still serde's own text.
fn shape_error(path: &str, message: &str) -> FieldError {
    // serde_json appends the position in the text; the pointer is better.
    let detail = message.split(" at line ").next().unwrap_or(message);
    // serde_json's message if another value is found instead of the name of an enum.
    let detail = if detail == "expected value" { "invalid type: expected a string" } else { detail }.to_owned();
    let named = |prefix: &str| detail.strip_prefix(prefix).and_then(|rest| rest.split('`').next());
    let (code, field) = if let Some(field) = named("missing field `") {
        (MISSING, Some(field))
    } else if let Some(field) = named("unknown field `") {
        (UNKNOWN, Some(field))
    } else if detail.starts_with("invalid type") {
        ("invalid_type", None)
    } else {
        ("invalid", None)
    };
    // eserde's path includes the variant of an enum; the error belongs to the field.
    let variant = message.strip_prefix("unknown variant `").and_then(|rest| rest.rsplit_once("`, expected "));
    let of_field = variant.and_then(|(variant, _)| path.strip_suffix(variant)?.strip_suffix('.'));
    let mut pointer = pointer(of_field.unwrap_or(path));
    // Some of these errors have the path of the object, others the path of the field.
    if let Some(field) = field
        && pointer.rsplit('/').next() != Some(field)
    {
        pointer = format!("{pointer}/{}", escape(field));
    }
    FieldError { pointer, code: code.to_owned(), detail }
}

/// `lines[0].name` as `/lines/0/name` (RFC 6901).
fn pointer(path: &str) -> String {
    let mut pointer = String::new();
    for part in path.split(['.', '[', ']']).filter(|part| !part.is_empty()) {
        pointer.push('/');
        pointer.push_str(&escape(part));
    }
    pointer
}

pub(crate) fn escape(part: &str) -> String {
    part.replace('~', "~0").replace('/', "~1")
}

/// Counts brackets outside strings, before any parser recurses.
fn check_depth(body: &[u8]) -> Result<(), Problem> {
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    for byte in body {
        match (in_string, byte) {
            (true, _) if escaped => escaped = false,
            (true, b'\\') => escaped = true,
            (_, b'"') => in_string = !in_string,
            (false, b'{' | b'[') => depth += 1,
            (false, b'}' | b']') => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > DEPTH_MAX {
            return Err(Problem::new(&problems::TOO_DEEP, format!("a body may nest up to {DEPTH_MAX} levels")));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use contracts::{auth::Credentials, orders::PlaceOrder, problems, products::CreateProduct, stores::UpdateStore};

    use super::*;

    fn parse_json<B>(json: &str) -> Result<B, Problem>
    where
        B: for<'de> EDeserialize<'de> + Validate<Context = ()> + Serialize + 'static,
    {
        let headers = [("content-type".to_owned(), "application/json; charset=utf-8".to_owned())].into();
        parse(&RawRequest { body: json.as_bytes().to_vec(), headers, ..RawRequest::default() })
    }

    fn errors<B: std::fmt::Debug>(result: Result<B, Problem>) -> Vec<(String, String)> {
        let mut errors: Vec<_> =
            result.unwrap_err().errors().iter().map(|e| (e.pointer.clone(), e.code.clone())).collect();
        errors.sort();
        errors
    }

    fn pair(pointer: &str, code: &str) -> (String, String) {
        (pointer.to_owned(), code.to_owned())
    }

    #[test]
    fn every_wrong_field_is_named_at_once() {
        let result = parse_json::<CreateProduct>(
            r#"{"slug": 5, "colour": "red", "variants": [{"sku": "A", "price": {"amount_minor": "1", "currency": "NGN"}}]}"#,
        );
        assert_eq!(
            errors(result),
            [
                pair("/colour", "unknown"),
                pair("/name", "missing"),
                pair("/slug", "invalid_type"),
                pair("/variants/0/name", "missing"),
                pair("/variants/0/price/amount_minor", "invalid_type"),
            ]
        );
    }

    #[test]
    fn details_are_for_people_who_know_no_rust() {
        let details = |json: &str| {
            let problem = parse_json::<CreateProduct>(json).unwrap_err();
            let mut told: Vec<_> = problem.errors().iter().map(|e| format!("{} {}", e.pointer, e.detail)).collect();
            told.sort();
            told.join("\n")
        };
        let currencies = "NGN, GHS, KES, ZAR, USD, EUR, GBP, JPY, KWD, XOF";
        let variant =
            |price: &str| format!(r#"{{"name": "N", "variants": [{{"sku": "a", "name": "M", "price": {price}}}]}}"#);
        let price = |detail: &str| format!("/variants/0/price{detail}");
        let cases = [
            ("{}".to_owned(), "/name this field is required".to_owned()),
            (r#"{"name": 5}"#.into(), "/name expected text".into()),
            (r#"{"name": null}"#.into(), "/name expected text, not null".into()),
            (r#"{"name": "N", "tags": {}}"#.into(), "/tags expected a list, not an object".into()),
            (
                r#"{"name": "N", "colour": 1}"#.into(),
                "/colour there is no such field; expected one of: name, slug, description, images, tags, variants"
                    .into(),
            ),
            (
                variant(r#"{"amount_minor": "1", "currency": "NGN"}"#),
                price("/amount_minor expected a whole number, not text"),
            ),
            (
                variant(r#"{"amount_minor": 1.5, "currency": "NGN"}"#),
                price("/amount_minor expected a whole number, not a decimal number"),
            ),
            (
                variant(r#"{"amount_minor": 1, "currency": "XXX"}"#),
                price(&format!("/currency this value is not allowed; expected one of: {currencies}")),
            ),
            (variant(r#"{"amount_minor": 1, "currency": 5}"#), price("/currency expected text")),
            (variant("7"), price(" expected an object")),
            (variant(r#"[1, "NGN"]"#), price(" expected an object, not a list")),
        ];
        for (json, expected) in cases {
            assert_eq!(details(&json), expected, "{json}");
        }
    }

    #[test]
    fn a_name_that_is_no_variant_is_told_at_its_field() {
        let body = |currency: &str| {
            format!(
                r#"{{"name": "N", "variants": [{{"sku": "a", "name": "M", "price": {{"amount_minor": 1, "currency": {currency}}}}}]}}"#
            )
        };
        for (currency, code) in
            [(r#""XXX""#, "invalid"), ("5", "invalid_type"), ("null", "invalid_type"), (r#"{"NGN": 1}"#, "invalid")]
        {
            let found = errors(parse_json::<CreateProduct>(&body(currency)));
            assert_eq!(found.len(), 1, "{currency}: {found:?}");
            assert!(found[0].0.starts_with("/variants/0/price/currency"), "{currency}: {found:?}");
            assert!(found[0].1 == code || currency.starts_with('{'), "{currency}: {found:?}");
        }
    }

    #[test]
    fn a_name_that_looks_like_a_path_is_told_at_its_field() {
        for currency in ["moc.live", "a[0]", "x at line 1", "a`b", "`, expected one of `X"] {
            let json = format!(
                r#"{{"name": "N", "variants": [{{"sku": "a", "name": "M", "price": {{"amount_minor": 1, "currency": "{currency}"}}}}]}}"#
            );
            let found = errors(parse_json::<CreateProduct>(&json));
            assert_eq!(found, [pair("/variants/0/price/currency", "invalid")], "{currency}");
        }
    }

    #[test]
    fn a_wrong_type_does_not_hide_what_follows() {
        let result = parse_json::<CreateProduct>(r#"{"name": {"a": [1, {"b": 2}]}, "slug": ["x"], "tags": "t"}"#);
        assert_eq!(
            errors(result),
            [pair("/name", "invalid_type"), pair("/slug", "invalid_type"), pair("/tags", "invalid_type")]
        );
    }

    #[test]
    fn every_broken_rule_is_named_at_once() {
        let result = parse_json::<CreateProduct>(
            r#"{"name": " ", "slug": "A b", "images": [{"url": "javascript:x"}],
                "variants": [{"sku": "a b", "name": "M", "price": {"amount_minor": -1, "currency": "NGN"}}]}"#,
        );
        assert_eq!(
            errors(result),
            [
                pair("/images/0/url", "invalid"),
                pair("/name", "invalid"),
                pair("/slug", "invalid"),
                pair("/variants/0/price", "invalid"),
                pair("/variants/0/sku", "invalid"),
            ]
        );
    }

    #[test]
    fn texts_are_kept_in_their_canonical_form() {
        let body = parse_json::<CreateProduct>(
            r#"{"name": " Caf\u0065\u0301 ", "slug": "", "description": "one\r\ntwo\u202E", "tags": ["\u200Bfiction"],
                "images": [{"url": " https://cdn.example.com/a.png", "alt": ""}]}"#,
        )
        .unwrap();
        assert_eq!((&*body.name, &body.slug), ("Caf\u{E9}", &None));
        assert_eq!(body.description.as_deref(), Some("one\ntwo\u{202E}\u{202C}"));
        assert_eq!(
            (&*body.tags[0], &*body.images[0].url, &body.images[0].alt),
            ("fiction", "https://cdn.example.com/a.png", &None)
        );
    }

    #[test]
    fn a_text_that_is_required_is_not_empty() {
        let result = parse_json::<CreateProduct>(
            r#"{"name": "\u200B", "description": " ", "tags": [""], "variants": [{"sku": "A", "name": "",
                "price": {"amount_minor": 1, "currency": "NGN"}, "barcode": ""}]}"#,
        );
        assert_eq!(
            errors(result),
            [pair("/name", "invalid"), pair("/tags/0", "invalid"), pair("/variants/0/name", "invalid")]
        );
    }

    #[test]
    fn what_cannot_be_sent_is_refused_in_every_text() {
        let order = |name: &str, method: &str| {
            let customer = format!(r#"{{"name": "{name}", "email": "chi@example.com"}}"#);
            parse_json::<PlaceOrder>(&format!(r#"{{"customer": {customer}, "shipping_method": "{method}"}}"#))
        };
        assert_eq!(
            errors(order("Chi \\uFFFF", "van \\uFFFE")),
            [pair("/customer/name", "invalid"), pair("/shipping_method", "invalid")]
        );
        assert!(order("Chi", "van").is_ok());
        let login = parse_json::<Credentials>(r#"{"email": "chi@example.com", "password": "\u0000"}"#);
        assert_eq!(login.err().unwrap().errors()[0].pointer, "/password");
    }

    #[test]
    fn null_clears_what_can_be_empty_and_nothing_else() {
        let body = parse_json::<UpdateStore>(r#"{"description": null, "logo_url": ""}"#).unwrap();
        assert_eq!((body.description, body.logo_url, body.low_stock_email), (Some(None), Some(None), None));
        for (json, pointer) in [
            (r#"{"tax": null}"#, "/tax"),
            (r#"{"name": null}"#, "/name"),
            (r#"{"name": ""}"#, "/name"),
            (r#"{"shipping_methods": null}"#, "/shipping_methods"),
        ] {
            assert_eq!(errors(parse_json::<UpdateStore>(json)), [pair(pointer, "invalid_type")], "{json}");
        }
    }

    #[test]
    fn a_list_of_its_values_is_no_object() {
        let result = parse_json::<PlaceOrder>(r#"[{"name": "Chi", "email": "chi@example.com"}]"#);
        assert_eq!(errors(result), [pair("", "invalid_type")]);
        let result = parse_json::<PlaceOrder>(r#"{"customer": ["Chi", "chi@example.com"]}"#);
        assert_eq!(errors(result), [pair("/customer", "invalid_type")]);
        let result = parse_json::<CreateProduct>(
            r#"{"name": "N", "variants": [{"sku": "a", "name": "M", "price": [1, {"NGN": null}]}]}"#,
        );
        assert_eq!(errors(result), [pair("/variants/0/price", "invalid_type")]);
    }

    #[test]
    fn what_is_no_json_is_a_bad_request() {
        for body in ["{", "{} {}", "nope", "{\"a\": 1e999999999999}x", "\u{feff}{}"] {
            assert_eq!(parse_json::<PlaceOrder>(body).unwrap_err().status(), 400, "{body}");
        }
        assert_eq!(parse_json::<PlaceOrder>("[]").unwrap_err().status(), 422);
    }

    #[test]
    fn depth_is_bounded_and_brackets_in_strings_do_not_count() {
        let deep = format!("{}{}", "[".repeat(33), "]".repeat(33));
        assert_eq!(parse_json::<PlaceOrder>(&deep).unwrap_err().code(), &problems::TOO_DEEP);
        let text = format!(r#"{{"customer": {{"name": "{}\"", "email": "a@example.com"}}}}"#, "[".repeat(40));
        assert!(parse_json::<PlaceOrder>(&text).is_ok());
    }

    #[test]
    fn an_absent_body_is_told_as_such() {
        let problem = parse::<PlaceOrder>(&RawRequest::default()).unwrap_err();
        assert_eq!((problem.status(), problem.errors().len()), (422, 1));
    }
}
