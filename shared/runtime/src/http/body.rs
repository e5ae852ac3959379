//! Request bodies: size, depth, JSON syntax, shape (fields and types) and rules are checked, in this order. The first
//! two protect the function. All fields with a wrong shape are reported together, and so are all fields that break a
//! rule; of hundreds, the first. The work grows with the body's size and not with what is wrong in it. Rules and handlers
//! see texts in their canonical form.

use std::collections::HashSet;

use contracts::{http::FieldError, problems};
use eserde::EDeserialize;
use garde::Validate;
use serde::Serialize;
use serde_json::Value;

use crate::http::{
    Problem, RawRequest,
    problem::ERRORS_MAX,
    takes_no_body, texts,
    tree::{self, At, Wrong},
    words,
};

pub(crate) const BYTES_MAX: usize = 256 * 1024;
const DEPTH_MAX: usize = 32;
/// One more than is told, so that it is known whether there are more.
const ERRORS_LOOKED_FOR: usize = ERRORS_MAX + 1;

pub(crate) fn check_size(body: &[u8]) -> Result<(), Problem> {
    if body.len() <= BYTES_MAX {
        return Ok(());
    }
    Err(Problem::new(&problems::BODY_TOO_LARGE, format!("a request body may have up to {BYTES_MAX} bytes")))
}

/// A body, and the JSON that it was read from.
pub(crate) struct Parsed<B> {
    pub(crate) body: B,
    pub(crate) json: Value,
}

pub(crate) fn parse<B>(raw: &RawRequest) -> Result<Parsed<B>, Problem>
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
    if raw.header("content-encoding").is_some_and(|coding| !coding.trim().eq_ignore_ascii_case("identity")) {
        let detail = "send the body as it is, not compressed and without Content-Encoding";
        return Err(Problem::new(&problems::UNSUPPORTED_MEDIA_TYPE, detail));
    }
    check_depth(&raw.body)?;
    read(&raw.body)
}

fn read<B>(text: &[u8]) -> Result<Parsed<B>, Problem>
where
    B: for<'de> EDeserialize<'de> + Validate<Context = ()> + Serialize,
{
    let malformed = |detail: String| Problem::new(&problems::MALFORMED_JSON, detail);
    let text = std::str::from_utf8(text).map_err(|_| malformed("the body is not UTF-8".to_owned()))?;
    let (mut json, repeated) =
        tree::parse(text, ERRORS_LOOKED_FOR).map_err(|error| malformed(words::about_syntax(&error)))?;
    let repeated = repeated.into_iter().map(|pointer| FieldError {
        pointer,
        code: "invalid".to_owned(),
        detail: "this is given more than once".to_owned(),
    });
    let shaped = |json: &Value| {
        tree::read::<B>(json, ERRORS_LOOKED_FOR).map_err(|wrong| wrong.into_iter().map(shape_error).collect::<Vec<_>>())
    };
    let mut body = match shaped(&json) {
        Ok(body) if repeated.len() == 0 => body,
        Ok(_) => return Err(Problem::invalid(repeated)),
        Err(errors) => return Err(Problem::invalid(repeated.chain(errors))),
    };
    let mut empty = HashSet::new();
    if texts::canonicalise(&mut json, &mut empty) {
        // An optional text that is empty is null now. One that cannot be null becomes empty again, for its field's rules.
        for error in shaped(&json).err().unwrap_or_default() {
            if let Some(value) = json.pointer_mut(&error.pointer).filter(|_| empty.contains(&error.pointer)) {
                *value = Value::String(String::new());
            }
        }
        body = shaped(&json).map_err(Problem::invalid)?;
    }
    let mut errors = vec![];
    if let Ok(read) = serde_json::to_value(&body) {
        compare_kinds(&At::Root, &json, &read, &mut errors);
    }
    if !errors.is_empty() {
        return Err(Problem::invalid(errors));
    }
    let mut errors = texts::unsendable(&json, ERRORS_LOOKED_FOR);
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
    if errors.is_empty() { Ok(Parsed { body, json }) } else { Err(Problem::invalid(errors)) }
}

/// Where serde keeps a value before it knows its type (an enum with a field that names the variant), it also accepts
/// an array for a struct, and an object for the name of an enum variant. To refuse these, the value that was read is
/// serialised again, which yields the types of the schema, and the body's JSON types are compared with them. A null that
/// is not there again cleared nothing: see `contracts::patch`.
fn compare_kinds(at: &At<'_>, sent: &Value, read: &Value, errors: &mut Vec<FieldError>) {
    match (sent, read) {
        (_, Value::Null) => {}
        (Value::Object(sent), Value::Object(read)) => {
            for (name, value) in sent {
                let at = At::Field(at, name);
                match read.get(name) {
                    Some(read) => compare_kinds(&at, value, read, errors),
                    None if value.is_null() && errors.len() < ERRORS_LOOKED_FOR => errors.push(FieldError {
                        pointer: at.pointer(),
                        code: "invalid_type".to_owned(),
                        detail: "this field cannot be empty; leave it out to keep its value".to_owned(),
                    }),
                    None => {}
                }
            }
        }
        (Value::Array(sent), Value::Array(read)) => {
            for (index, (sent, read)) in sent.iter().zip(read).enumerate() {
                compare_kinds(&At::Item(at, index), sent, read, errors);
            }
        }
        _ if std::mem::discriminant(sent) == std::mem::discriminant(read) => {}
        _ if errors.len() == ERRORS_LOOKED_FOR => {}
        _ => errors.push(FieldError {
            pointer: at.pointer(),
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

/// serde's message has no code, and names a field that is missing or unknown, while the pointer is its object's.
fn shape_error(Wrong { mut pointer, message }: Wrong) -> FieldError {
    let missing = message.strip_prefix("missing field `").and_then(|rest| rest.split('`').next());
    // A field's name may contain anything, so the last "expected" is serde's.
    let unknown = message.strip_prefix("unknown field `").and_then(|rest| {
        rest.rsplit_once("`, expected ").or_else(|| rest.rsplit_once("`, there are no ")).map(|(name, _)| name)
    });
    let code = match (missing, unknown) {
        (Some(_), _) => "missing",
        (None, Some(_)) => "unknown",
        _ if message.starts_with("invalid type") => "invalid_type",
        _ => "invalid",
    };
    if let Some(field) = missing.or(unknown) {
        pointer = format!("{pointer}/{}", tree::escape(field));
    }
    FieldError { pointer, code: code.to_owned(), detail: words::about_value(&message) }
}

/// `lines[0].name` as `/lines/0/name` (RFC 6901).
fn pointer(path: &str) -> String {
    let mut pointer = String::new();
    for part in path.split(['.', '[', ']']).filter(|part| !part.is_empty()) {
        pointer.push('/');
        pointer.push_str(&tree::escape(part));
    }
    pointer
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
    use serde_json::json;

    use super::*;

    fn parse_json<B>(json: &str) -> Result<B, Problem>
    where
        B: for<'de> EDeserialize<'de> + Validate<Context = ()> + Serialize + 'static,
    {
        let headers = [("content-type".to_owned(), "application/json; charset=utf-8".to_owned())].into();
        let raw = RawRequest { body: json.as_bytes().to_vec(), headers, ..RawRequest::default() };
        parse(&raw).map(|parsed| parsed.body)
    }

    fn errors<B>(result: Result<B, Problem>) -> Vec<(String, String)> {
        let mut errors: Vec<_> =
            result.err().unwrap().errors().iter().map(|e| (e.pointer.clone(), e.code.clone())).collect();
        errors.sort();
        errors
    }

    fn pair(pointer: &str, code: &str) -> (String, String) {
        (pointer.to_owned(), code.to_owned())
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
    fn each_error_is_told_once_and_of_many_the_first() {
        let repeated =
            parse_json::<CreateProduct>(r#"{"name": 1, "name": 2, "slug": "a", "name": "N", "x": 1, "x": 2}"#);
        let wrong = [pair("/name", "invalid"), pair("/x", "invalid"), pair("/x", "unknown")];
        assert_eq!(errors(repeated), wrong);

        let tags =
            |count: usize| parse_json::<CreateProduct>(&json!({ "name": "N", "tags": vec![1; count] }).to_string());
        let detail = |count: usize| tags(count).unwrap_err().into_raw("req-1").body;
        let says_more = |count: usize| String::from_utf8(detail(count)).unwrap().contains("there are more");
        assert_eq!((errors(tags(100)).len(), says_more(100)), (100, false));
        assert_eq!((errors(tags(101)).len(), says_more(101)), (100, true));
        assert_eq!((errors(tags(50_000)).len(), says_more(50_000)), (100, true));
        // Rules, too.
        let bad = json!({ "name": "N", "tags": vec![""; 50_000] }).to_string();
        assert_eq!(errors(parse_json::<CreateProduct>(&bad)).len(), 100);
    }

    #[test]
    fn an_answer_stays_small_however_long_the_names_are() {
        let name = "\u{1}".repeat(40_000);
        for body in [
            json!({ name.clone(): 1 }).to_string(),
            format!("{{{}}}", vec![format!(r#""{}":1"#, "x".repeat(100_000)); 2].join(",")),
        ] {
            let reply = parse_json::<CreateProduct>(&body).unwrap_err().into_raw("req-1");
            assert!(reply.size() < 1024 * 1024, "{}", reply.size());
        }
    }

    #[test]
    fn a_compressed_body_is_not_taken() {
        let coded = |coding: &str| {
            let headers = [("content-type", "application/json"), ("content-encoding", coding)];
            let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
            parse::<PlaceOrder>(&RawRequest { body: b"\x1f\x8b".to_vec(), headers, ..RawRequest::default() })
        };
        for coding in ["gzip", "br", "deflate", "identity, gzip"] {
            assert_eq!(coded(coding).err().unwrap().code(), &problems::UNSUPPORTED_MEDIA_TYPE, "{coding}");
        }
        assert_eq!(coded("identity").err().unwrap().code(), &problems::MALFORMED_JSON);
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
        let problem = parse::<PlaceOrder>(&RawRequest::default()).err().unwrap();
        assert_eq!((problem.status(), problem.errors().len()), (422, 1));
    }
}
