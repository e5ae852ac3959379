//! Shared by the tests of this package.

use contracts::{http::Page, tenants::RateRule};
use serde_json::{Value, json};
use testing::{TestRequest, World, events};

use crate::{create_rate_rule, list_rate_rules};

/// A request of the owner's.
pub(crate) fn request(world: &World) -> TestRequest {
    TestRequest::new().by(&world.owner)
}

pub(crate) async fn set(world: &World, class: &str, subject: &str, per_minute: u32, burst: u32) -> RateRule {
    let body = json!({ "class": class, "subject": subject, "per_minute": per_minute, "burst": burst });
    request(world).json(body).send(&world.deps, create_rate_rule::handle).await.ok()
}

/// What was told of the change that made this version.
pub(crate) fn told(world: &World, version: u64) -> Value {
    let told = events(world, "RATE_RULE_CHANGED");
    told.into_iter().find(|event| event["version"] == version).unwrap()["data"].take()
}

pub(crate) async fn list(world: &World) -> Vec<RateRule> {
    request(world).send(&world.deps, list_rate_rules::handle).await.ok::<Page<RateRule>>().items
}
