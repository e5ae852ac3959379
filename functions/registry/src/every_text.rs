//! Sends texts that do harm in every text field of every endpoint: in place of each text of its sample request, which
//! has all fields. Each is refused, naming the field, or stored in its canonical form.

use std::{collections::HashMap, path::Path, sync::LazyLock};

use contracts::{
    Row,
    row::{Access, Method, StoreScope},
    table::Table,
};
use domain::{Role, limits::SHORT_TEXT_MAX, text};
use runtime::{Hosted, Principal, http::RawRequest};
use serde_json::Value;
use testing::World;

use crate::every_endpoint::{endpoints, needs_staff, sample, send_raw};

static API: LazyLock<Value> = LazyLock::new(|| {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../infra/api/openapi.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
});

/// What a schema refers to.
fn resolved(schema: &'static Value) -> &'static Value {
    let reference = schema["$ref"].as_str().or_else(|| schema["allOf"][0]["$ref"].as_str());
    reference.map_or(schema, |reference| API.pointer(reference.trim_start_matches('#')).unwrap())
}

fn operation(row: &Row) -> &'static Value {
    let route = row.route().unwrap();
    &API["paths"][route.path][route.method.name().to_lowercase()]
}

fn body_schema(row: &Row) -> &'static Value {
    resolved(&operation(row)["requestBody"]["content"]["application/json"]["schema"])
}

/// The schema of the field at a pointer. `None` inside a value that has several forms.
fn schema_at(row: &Row, pointer: &str) -> Option<&'static Value> {
    let mut parts = pointer.split('/').skip(1);
    parts.try_fold(body_schema(row), |schema, part| {
        let schema = resolved(schema);
        let next =
            if part.bytes().all(|b| b.is_ascii_digit()) { &schema["items"] } else { &schema["properties"][part] };
        (!next.is_null()).then_some(next)
    })
}

/// The schema of a reply's field, in the reply or in the items of its lists.
fn field_of(reply: &'static Value, name: &str) -> &'static Value {
    let fields = &reply["properties"];
    let items = fields.as_object().into_iter().flatten().map(|(_, field)| resolved(&field["items"]));
    let found = items.map(|item| &item["properties"][name]).find(|field| !field.is_null());
    fields.get(name).or(found).unwrap_or(&Value::Null)
}

fn is_nullable(schema: &Value) -> bool {
    let one_of = schema["anyOf"].as_array().into_iter().flatten();
    one_of.chain([schema]).any(|schema| schema["nullable"] == true)
}

/// Pointers to all texts of a document.
fn texts(json: &Value, at: &str, found: &mut Vec<String>) {
    match json {
        Value::String(_) => found.push(at.to_owned()),
        Value::Array(values) => {
            for (index, value) in values.iter().enumerate() {
                texts(value, &format!("{at}/{index}"), found);
            }
        }
        Value::Object(fields) => {
            for (name, value) in fields {
                texts(value, &format!("{at}/{name}"), found);
            }
        }
        _ => {}
    }
}

/// An endpoint with a world of its own.
struct Tried {
    world: World,
    hosted: Hosted,
    /// The body of its sample, whose texts are replaced one by one.
    body: Value,
    /// How many requests were carried out.
    done: u32,
}

impl Tried {
    /// All endpoints with a body that `wanted` chooses.
    async fn all(wanted: impl Fn(&Row) -> bool) -> Vec<Self> {
        let mut all = vec![];
        for hosted in endpoints(|row| wanted(row) && !body_schema(row).is_null()) {
            // A webhook's body is the provider's, and read by its function.
            if let Ok(body) = serde_json::from_slice(&sample(hosted.row, None).body) {
                all.push(Self { world: World::new().await, hosted, body, done: 0 });
            }
        }
        assert!(!all.is_empty());
        all
    }

    fn request(&self, body: &Value) -> RawRequest {
        let (row, world) = (self.hosted.row, &self.world);
        let route = row.route().unwrap();
        let role = if needs_staff(row) { Role::Owner } else { Role::Customer };
        let needs_token = matches!(route.access, Access::Needs(_));
        let mut request = sample(row, needs_token.then(|| Principal { role, ..world.owner.clone() }));
        request.body = body.to_string().into_bytes();
        if route.store == StoreScope::Required {
            request.headers.insert("x-store".into(), world.store.slug.clone());
        }
        request
    }

    /// Sends the sample with another value at `pointer`. Returns the pointers that the answer names, if it is refused
    /// for its fields.
    async fn refused(&mut self, pointer: &str, value: Value) -> Option<Vec<String>> {
        let mut body = self.body.clone();
        *body.pointer_mut(pointer).unwrap() = value;
        self.send(body).await
    }

    async fn send(&mut self, body: Value) -> Option<Vec<String>> {
        let (status, answer) = send_raw(&self.world, &self.hosted, self.request(&body)).await;
        assert!(status < 500 && status != 400, "{}: {status} {answer}", self.hosted.row.function);
        if status < 300 {
            self.done += 1;
            self.check_stored();
            // What was made once can seldom be made again: another name, but the same slug.
            self.world = World::new().await;
        }
        let named = answer["errors"].as_array().into_iter().flatten();
        let named = named.map(|error| error["pointer"].as_str().unwrap_or_default().to_owned()).collect();
        (answer["code"] == "invalid_fields").then_some(named)
    }

    /// Sends the sample without the field at `pointer`.
    async fn refused_without(&mut self, pointer: &str) -> Option<Vec<String>> {
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        let mut body = self.body.clone();
        body.pointer_mut(parent).unwrap().as_object_mut().unwrap().remove(name);
        self.send(body).await
    }

    fn texts(&self) -> Vec<String> {
        let mut found = vec![];
        texts(&self.body, "", &mut found);
        found
    }

    /// Every text in the database can be stored and sent, has its canonical form, and is empty or seen.
    fn check_stored(&self) {
        for table in Table::ALL {
            for item in self.world.dynamo.items(table) {
                let mut found = vec![];
                texts(&item, "", &mut found);
                for pointer in found {
                    let stored = item.pointer(&pointer).and_then(Value::as_str).unwrap();
                    let is_fine = text::is_sendable(stored)
                        && text::canonical(stored) == stored
                        && (stored.is_empty() || text::is_visible(stored));
                    assert!(is_fine, "{} stored {pointer}: {stored:?}", self.hosted.row.function);
                }
            }
        }
    }
}

#[tokio::test]
async fn a_hostile_text_is_refused_by_its_name_or_stored_in_its_canonical_form() {
    // The text, and whether it is refused whatever the field.
    let long = "x".repeat(100_000);
    let hostile = [
        ("x\u{FFFF}", true),
        ("x\u{FFFE}", true),
        ("x\u{0}", true),
        (&*long, true),
        ("\u{200B}", false),
        ("\u{3164}\u{2800}", false),
        ("\u{202E}\u{2066}moc.live", false),
        ("Ada\r\nObi", false),
        (" Cafe\u{301} ", false),
        (" ada@example.com ", false),
    ];
    let mut done = HashMap::new();
    for mut tried in Tried::all(|_| true).await {
        let sample = tried.send(tried.body.clone()).await;
        for pointer in tried.texts() {
            let function = tried.hosted.row.function;
            for (text, is_refused) in hostile {
                let refused = tried.refused(&pointer, text.into()).await;
                let shown = text.chars().take(20).collect::<String>();
                let by_name = refused == Some(vec![pointer.clone()]);
                assert!(by_name || !is_refused, "{function} answers {shown:?} at {pointer} with {refused:?}");
                // A handler can refuse the sample itself: a code that was never sent, for example.
                let is_told = by_name || refused.is_none() || refused == sample;
                assert!(is_told, "{function} names {refused:?} for {shown:?} at {pointer}");
            }
        }
        done.insert(tried.hosted.row.function, tried.done);
    }
    // Others need something that the sample's ids do not name.
    for function in ["auth-register", "onboarding-start", "products-create"] {
        assert!(done[function] > 3, "{function} stores too little for this to show anything: {done:?}");
    }
}

/// A text of fewer characters than a note is a name, a code or the like. A password is not shown, so it has no lines.
#[tokio::test]
async fn only_a_paragraph_has_several_lines() {
    for mut tried in Tried::all(|_| true).await {
        for pointer in tried.texts() {
            let schema = schema_at(tried.hosted.row, &pointer).map_or(&Value::Null, resolved);
            let is_short = schema["maxLength"].as_u64().is_some_and(|max| max < SHORT_TEXT_MAX as u64);
            if is_short && !pointer.ends_with("password") {
                for text in ["Ada\nObi", "Ada\tObi", "Ada\u{2028}Obi", "\u{3164}", "\u{2800}"] {
                    let refused = tried.refused(&pointer, text.into()).await;
                    assert_eq!(refused, Some(vec![pointer.clone()]), "{} {text:?}", tried.hosted.row.function);
                }
            }
        }
    }
}

/// What no field takes whose pointer ends so.
const REFUSED: [(&str, &[&str]); 5] = [
    ("email", &["a..b@example.com", "a@127.0.0.1", "a@b", "Ada <ada@example.com>"]),
    ("country", &["ZZ", "ng"]),
    (
        "url",
        &[
            "http://cdn.example.com/a.png",
            "https://localhost/a.png",
            "https://127.0.0.1/a.png",
            "https://10.1.2.3/a.png",
            "https://[::1]/a.png",
            "https://metadata.google.internal/a.png",
            "https://cdn.example.com/\u{202E}gnp.a",
            "https://cdn.example.com/a b.png",
        ],
    ),
    ("slug", &["selleasi", "paystack", "checkout", "smtp", "autodiscover", "webhooks"]),
    ("password", &["Password123", "1234567890", "\u{200D}\u{200D}\u{200D}\u{200D}\u{200D}aaaaa"]),
];

/// Whether a rule of this kind holds for a field. A password that is proved may be any; an onboarding's can be new or
/// proved, which its own tests tell apart. The slug of a product is no host name.
fn holds_for(kind: &str, row: &Row, pointer: &str) -> bool {
    match kind {
        "password" => row.function != "onboarding-password" && schema_at(row, pointer).unwrap()["minLength"] != 1,
        "slug" => !row.function.starts_with("products-"),
        _ => true,
    }
}

#[tokio::test]
async fn a_field_has_the_rule_of_its_kind_in_every_endpoint() {
    let mut found = HashMap::new();
    for mut tried in Tried::all(|_| true).await {
        for pointer in tried.texts() {
            let Some((kind, texts)) = REFUSED.iter().find(|(kind, _)| pointer.ends_with(kind)) else { continue };
            if !holds_for(kind, tried.hosted.row, &pointer) {
                continue;
            }
            *found.entry(*kind).or_insert(0) += 1;
            for text in *texts {
                let refused = tried.refused(&pointer, (*text).into()).await;
                assert_eq!(refused, Some(vec![pointer.clone()]), "{} {text:?}", tried.hosted.row.function);
            }
        }
    }
    assert!(found.len() == REFUSED.len() && found["password"] == 3 && found["email"] > 5, "{found:?}");
}

/// What can be null can be empty, as a form sends it; what cannot is refused by its name.
#[tokio::test]
async fn an_empty_text_is_one_that_is_not_given() {
    for mut tried in Tried::all(|_| true).await {
        for pointer in tried.texts() {
            let function = tried.hosted.row.function;
            let Some(schema) = schema_at(tried.hosted.row, &pointer) else { continue };
            let is_free = schema["type"] == "string" && schema["enum"].is_null() && schema["format"] != "date-time";
            let can_be_left_out = is_free && is_nullable(schema);
            for text in ["", " \n", "\u{200B}"] {
                let refused = tried.refused(&pointer, text.into()).await;
                if can_be_left_out {
                    assert_eq!(refused, tried.refused_without(&pointer).await, "{function}: {text:?} at {pointer}");
                } else if !pointer.ends_with("password") {
                    assert_eq!(refused, Some(vec![pointer.clone()]), "{function}: {text:?}");
                }
            }
        }
    }
}

/// Where the API's description says that a field of an update can be null, the reply's can be too: so null clears it.
/// Everywhere else it is refused, and does not pass as "no change".
#[tokio::test]
async fn null_clears_a_field_or_is_refused_by_its_name() {
    for mut tried in Tried::all(|row| row.route().unwrap().method == Method::Patch).await {
        let row = tried.hosted.row;
        let success =
            operation(row)["responses"].as_object().unwrap().iter().find(|(status, _)| status.starts_with('2'));
        let reply = resolved(&success.unwrap().1["content"]["application/json"]["schema"]);
        let fields: HashMap<_, _> = body_schema(row)["properties"].as_object().unwrap().iter().collect();
        for (name, schema) in fields {
            let pointer = format!("/{name}");
            let is_clearable = is_nullable(schema);
            assert!(
                !is_clearable || is_nullable(field_of(reply, name)),
                "{}: {name} can be null, but the reply's cannot",
                row.function
            );
            let refused = tried.refused(&pointer, Value::Null).await;
            let expected = if is_clearable { None } else { Some(vec![pointer]) };
            assert_eq!(refused, expected, "{}: null as {name}", row.function);
        }
    }
}
