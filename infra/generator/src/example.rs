//! Values that could be real, made up from a schema and the names of its fields.

use serde_json::{Map, Value, json};

use crate::api::Api;

pub(crate) const EXAMPLE_ID: &str = "01JD3ZSKZ9V2M7Q8T4X6N5B1CE";
pub(crate) const SLUG: &str = "ada-books";

/// Of a choice, the first of these that is in it, else its own first.
const CHOICES: [&str; 4] = ["active", "NGN", "customer", "correction"];

/// `within` is what the value is part of: `name` of a `customer` is not that of a `product`.
pub(crate) fn value(within: &str, name: &str, schema: &Value, api: &Api) -> Value {
    let schema = api.resolve(schema);
    if let Some(example) = schema.get("example").or_else(|| schema.get("const")) {
        return example.clone();
    }
    for several in ["allOf", "anyOf", "oneOf"] {
        if let Some(alternatives) = schema[several].as_array() {
            let made = alternatives.iter().map(|one| value(within, name, one, api)).filter(|value| !value.is_null());
            return chosen(made.collect());
        }
    }
    if let Some(choices) = schema["enum"].as_array() {
        return chosen(choices.clone());
    }
    match schema["type"].as_str() {
        Some("object") => object(name, schema, api),
        Some("array") => json!([value(within, singular(name), &schema["items"], api)]),
        Some("integer" | "number") => number(name, schema),
        Some("boolean") => true.into(),
        Some("string") => text(within, name, schema).into(),
        _ => Value::Null,
    }
}

/// What a body at that path is: at `/products/{id}/variants`, a `variant`.
pub(crate) fn thing(path: &str) -> &str {
    singular(path.rsplit('/').find(|segment| !segment.starts_with('{')).unwrap_or_default())
}

fn singular(name: &str) -> &str {
    name.strip_suffix('s').unwrap_or(name)
}

fn chosen(choices: Vec<Value>) -> Value {
    let known = CHOICES.iter().find_map(|choice| choices.iter().find(|value| *value == choice)).cloned();
    known.or_else(|| choices.into_iter().next()).unwrap_or_default()
}

fn object(name: &str, schema: &Value, api: &Api) -> Value {
    let empty = Map::new();
    let properties = schema["properties"].as_object().unwrap_or(&empty);
    let mut object: Map<String, Value> =
        properties.iter().map(|(key, schema)| (key.clone(), value(name, key, schema, api))).collect();
    if let Some(amount) = object.get_mut("amount_minor") {
        *amount = amount_minor(name).into();
    }
    object.into()
}

fn amount_minor(name: &str) -> i64 {
    match name {
        "compare_at_price" => 550_000,
        "rate" | "shipping" => 150_000,
        _ => 450_000,
    }
}

fn number(name: &str, schema: &Value) -> Value {
    let guess: i64 = match name {
        "quantity" => 2,
        "delta" | "on_hand" | "reorder_quantity" | "opening_stock" => 50,
        "reorder_point" => 10,
        "weight_g" => 350,
        "estimated_days" => 3,
        "rate_basis_points" => 750,
        "payment_window_s" => 900,
        "rating" => 5,
        "per_minute" => 100_000,
        "burst" => 20_000,
        "limit" => 20,
        _ => 1,
    };
    let bound = |name: &str| schema[name].as_i64();
    guess.max(bound("minimum").unwrap_or(guess)).min(bound("maximum").unwrap_or(guess)).into()
}

fn text(within: &str, name: &str, schema: &Value) -> String {
    let of_format = match schema["format"].as_str() {
        Some("date-time") => Some("2026-03-01T09:30:00Z"),
        _ => None,
    };
    let known = of_format.or_else(|| by_place(within, name)).or_else(|| by_name(name)).unwrap_or("Example");
    let least = schema["minLength"].as_u64().and_then(|least| usize::try_from(least).ok()).unwrap_or_default();
    let most = schema["maxLength"].as_u64().and_then(|most| usize::try_from(most).ok()).unwrap_or(usize::MAX);
    let mut text: String = known.chars().take(most).collect();
    while text.chars().count() < least {
        text.push('x');
    }
    text
}

fn by_place(within: &str, name: &str) -> Option<&'static str> {
    Some(match (within, name) {
        ("customer" | "profile" | "me" | "invitation" | "register", "name") => "Ada Obi",
        ("product", "slug") => "things-fall-apart",
        ("coupon", "code") => "SAVE10",
        ("variant", "name") => "Paperback",
        ("store" | "tenant" | "onboarding" | "complete" | "current", "name") => "Ada Books",
        ("shipping_method", "name") => "Delivery within Lagos",
        ("image", "url") => "https://cdn.example.com/things-fall-apart.jpg",
        ("adjust", "reference") => "GRN-2026-0042",
        _ => return None,
    })
}

fn by_name(name: &str) -> Option<&'static str> {
    Some(match name {
        "email" | "recipient" => "ada@example.com",
        "support_email" | "low_stock_email" => "help@ada-books.example.com",
        "phone" => "+2348012345678",
        "name" => "Things Fall Apart",
        "full_name" | "actor" => "Ada Obi",
        "tenant_name" | "store_name" => "Ada Books",
        "slug" | "store" | "store_slug" => SLUG,
        "description" => "A novel by Chinua Achebe, in paperback.",
        "tag" => "fiction",
        "alt" => "Cover of the book",
        "sku" => "TFA-PB",
        "barcode" => "9780385474542",
        "title" => "A classic",
        "url" => "https://www.example.com/hooks/selleasi",
        "logo_url" | "avatar_url" | "image_url" => "https://cdn.example.com/logo.png",
        "timezone" => "Africa/Lagos",
        "currency" => "NGN",
        "locale" => "en-NG",
        "password" | "new_password" | "current_password" | "old_password" => "a quiet green bicycle",
        "code" => "482915",
        "refresh_token" | "guest_token" | "verification_token" | "token" => "a-token-that-was-given-before",
        "address" => "12 Allen Avenue",
        "city" => "Ikeja",
        "state" => "Lagos",
        "country" => "NG",
        "postal_code" => "100271",
        "shipping_method" | "id" => "standard",
        "payment_method" | "provider" => "paystack",
        "reason" => "restock",
        "note" | "comment" | "body" => "Please leave it at the gate.",
        "reference" => "PO-2026-0042",
        "q" => "achebe",
        _ => return None,
    })
}
