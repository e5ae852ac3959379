//! `PATCH /rate-rules/{id}`: other numbers for a rate limit. One read and one transaction.

use contracts::{patch::set, tenants::UpdateRateRule};
use runtime::{Call, Granted, Outcome};

use crate::rate_rules::{Change, read, reply};

pub async fn handle(deps: &Granted<UpdateRateRule>, call: Call<UpdateRateRule>) -> Outcome<UpdateRateRule> {
    let (tenant, actor) = (call.tenant()?, call.principal()?.account_id);
    let mut found = read(deps, tenant).await?;
    let index = found.find(call.path.id)?;
    call.expect_version(found.version())?;
    let version = found.version();
    let rule = &mut found.rules.rules[index];
    let mut changed = vec![];
    set(&mut rule.limit.per_minute, call.body.per_minute, "per_minute", &mut changed);
    set(&mut rule.limit.burst, call.body.burst, "burst", &mut changed);
    if changed.is_empty() {
        return Ok(reply(rule.clone(), version));
    }
    rule.updated_at = deps.now();
    let rule = rule.clone();
    let tx = found.write(deps, &Change { tenant, actor, cause: &call.cause }, &rule, Some(rule.limit));
    call.commit(deps, tx, reply(rule, version + 1)).await?.or_changed()
}

#[cfg(test)]
mod tests {
    use contracts::tenants::RateRule as View;
    use serde_json::{Value, json};
    use testing::{World, events, http::Answer};

    use super::*;
    use crate::fixtures::{list, request, set, told};

    async fn update(world: &World, rule: &View, body: Value) -> Answer {
        request(world).path("id", rule.id).json(body).send(&world.deps, handle).await
    }

    #[tokio::test]
    async fn changes_what_is_given_and_tells() {
        let world = World::new().await;
        let rule = set(&world, "read", "address", 100, 50).await;
        world.clock.advance_s(1);
        let changed: View = update(&world, &rule, json!({ "burst": 70 })).await.ok();
        assert_eq!(changed, View { burst: 70, updated_at: world.deps.now(), ..rule.clone() });
        assert_eq!(list(&world).await, std::slice::from_ref(&changed));
        let told = told(&world, 2);
        assert_eq!((&told["per_minute"], &told["burst"]), (&json!(100), &json!(70)));
        // Nothing new is no news.
        assert_eq!(update(&world, &rule, json!({ "burst": 70 })).await.ok::<View>(), changed);
        assert_eq!(events(&world, "RATE_RULE_CHANGED").len(), 2);
    }

    #[tokio::test]
    async fn only_the_version_that_was_meant_is_changed() {
        let world = World::new().await;
        let rule = set(&world, "read", "address", 100, 50).await;
        let send = |version: u64| {
            let request = request(&world).path("id", rule.id).header("if-match", format!("\"{version}\""));
            request.json(json!({ "burst": 60 })).send(&world.deps, handle)
        };
        assert_eq!(send(7).await.problem(), (412, "version_mismatch".to_owned()));
        assert_eq!(send(1).await.status(), 200);
    }

    #[tokio::test]
    async fn others_do_not_see_it() {
        let world = World::new().await;
        let rule = set(&world, "read", "address", 100, 50).await;
        assert_eq!(update(&world.neighbour().await, &rule, json!({ "burst": 1 })).await.status(), 404);
        assert_eq!(list(&world).await, [rule]);
    }
}
