//! Sends every endpoint bodies that are made to cost much: the work grows with their size and no faster, and the answer
//! stays small. What is measured is the thread's own processor time, and only compared with itself.

use std::time::Duration;

use contracts::row::Access;
use domain::Role;
use runtime::{
    Boot, Principal, Running,
    http::{RawReply, RawRequest},
};
use rustix::time::{ClockId, clock_gettime};
use serde_json::{Value, json};
use testing::World;

use crate::every_endpoint::{endpoints, needs_staff, sample};

/// Each is eight times the one before, and the last close to the largest that is allowed. What grows too fast is
/// noticed between the small ones, before the large one takes minutes.
const SIZES: [usize; 3] = [LARGE / 64, LARGE / 8, LARGE];
const LARGE: usize = 248 * 1024;
/// 8 if the work is linear, 64 if it is quadratic.
const GROWTH_MAX: u32 = 20;
/// A measurement is repeated this often before it counts.
const TRIES: usize = 5;
const REPLY_BYTES_MAX: usize = 256 * 1024;

/// `count` of a text, so that all are about `bytes` long, between commas.
fn many(bytes: usize, text: impl Fn(usize) -> String) -> String {
    let count = bytes / (text(0).len() + 1);
    (0..count.max(1)).map(text).collect::<Vec<_>>().join(",")
}

/// The sample's fields, each with a value of about this size.
fn fields(sample: &Value, bytes: usize, value: impl Fn(&Value, usize) -> String) -> String {
    let object = sample.as_object().cloned().unwrap_or_default();
    let each = bytes / object.len().max(1);
    let fields: Vec<_> = object.iter().map(|(name, held)| format!("{}:{}", json!(name), value(held, each))).collect();
    format!("{{{}}}", fields.join(","))
}

/// An item of a list, or what stands where a list could, with a field too many and one twice.
fn broken(held: &Value) -> String {
    let item = held.as_array().and_then(|items| items.first()).unwrap_or(held).to_string();
    match item.strip_prefix('{') {
        Some(rest) if rest.len() > 1 => format!(r#"{{"colour":1,"colour":2,{rest}"#),
        _ => item,
    }
}

fn hostile(sample: &Value, bytes: usize) -> [(&'static str, String); 10] {
    let list = |bytes: usize, item: &dyn Fn(usize) -> String| format!("[{}]", many(bytes, item));
    let deep = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    [
        ("wrong items", fields(sample, bytes, |_, bytes| list(bytes, &|_| "1".into()))),
        ("empty items", fields(sample, bytes, |_, bytes| list(bytes, &|_| "{}".into()))),
        (
            "items of other types",
            fields(sample, bytes, |_, bytes| {
                list(bytes, &|index| ["null", "\"\"", "[]", "1.5", "true"][index % 5].into())
            }),
        ),
        ("broken items", fields(sample, bytes, |held, bytes| list(bytes, &|_| broken(held)))),
        ("unknown fields", format!("{{{}}}", many(bytes, |index| format!(r#""field{index}":1"#)))),
        ("one field again and again", format!("{{{}}}", many(bytes, |_| r#""name":1"#.into()))),
        (
            "fields inside a long name",
            format!(r#"{{"{}":{{{}}}}}"#, "n".repeat(bytes / 2), many(bytes / 2, |_| r#""a":1"#.into())),
        ),
        ("long texts", fields(sample, bytes, |_, bytes| json!("\u{1}\"x".repeat(bytes / 9)).to_string())),
        ("deep", fields(sample, bytes, |_, bytes| list(bytes, &|_| deep(30)))),
        ("too deep", deep(bytes / 2)),
    ]
}

fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.try_into().unwrap(), time.tv_nsec.try_into().unwrap())
}

#[tokio::test]
async fn what_a_hostile_body_costs_grows_with_its_size_and_no_faster() {
    let world = World::new().await;
    let boot: &Boot = world.deps.boot();
    let mut worst = (Duration::ZERO, String::new());
    for hosted in endpoints(|_| true) {
        let role = if needs_staff(hosted.row) { Role::Owner } else { Role::Customer };
        let principal = matches!(hosted.row.route().unwrap().access, Access::Needs(_))
            .then(|| Principal { role, ..world.owner.clone() });
        let mut request = sample(hosted.row, principal);
        if request.body.is_empty() {
            continue;
        }
        request.headers.insert("x-store".into(), world.store.slug.clone());
        request.headers.insert("content-type".into(), "application/json".into());
        let body = serde_json::from_slice(&request.body).unwrap_or_default();
        let Running::Http(endpoint) = hosted.start(boot) else { panic!("not an endpoint") };
        let cost = async |body: &str| -> (Duration, RawReply) {
            let request = RawRequest { body: body.into(), ..request.clone() };
            let before = processor_time();
            let reply = endpoint(request).await;
            (processor_time().saturating_sub(before), reply)
        };
        let bodies = SIZES.map(|bytes| hostile(&body, bytes));
        for [smaller, larger] in bodies.array_windows() {
            for ((kind, small), (_, large)) in smaller.iter().zip(larger) {
                let what = format!("{}: {kind}", hosted.row.function);
                let (mut small_cost, mut large_cost) = (Duration::MAX, Duration::MAX);
                for _ in 0..TRIES {
                    small_cost = small_cost.min(cost(small).await.0);
                    let (large, reply) = cost(large).await;
                    large_cost = large_cost.min(large);
                    assert!(reply.status < 500, "{what}: {}", reply.status);
                    assert!(reply.body.len() < REPLY_BYTES_MAX, "{what}: {} bytes", reply.body.len());
                    let told: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
                    assert!(told["errors"].as_array().is_none_or(|errors| errors.len() <= 100), "{what}");
                    if large_cost < GROWTH_MAX * small_cost {
                        break;
                    }
                }
                assert!(large_cost < GROWTH_MAX * small_cost, "{what}: {small_cost:?} became {large_cost:?}");
                worst = worst.max((large_cost, what));
            }
        }
    }
    println!("{LARGE} bytes cost at most {worst:?}");
}
