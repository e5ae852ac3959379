//! `POST /rate-rules`: a rate limit of the tenant's own. One read and one transaction.

use contracts::{problems, tenants::CreateRateRule};
use domain::{
    RateRuleId,
    rate::{Limit, RateRule},
};
use runtime::{Call, Granted, Outcome, Problem};

use crate::rate_rules::{Change, read, reply};

pub async fn handle(deps: &Granted<CreateRateRule>, call: Call<CreateRateRule>) -> Outcome<CreateRateRule> {
    let (tenant, actor, now) = (call.tenant()?, call.principal()?.account_id, deps.now());
    let mut found = read(deps, tenant).await?;
    let body = &call.body;
    if found.rules.find(body.class, body.subject).is_some() {
        let detail = "the tenant has a rate limit for this class and subject: change that one";
        return Err(Problem::new(&problems::RATE_RULE_EXISTS, detail));
    }
    let rule = RateRule {
        id: deps.id(RateRuleId::from_ulid),
        class: body.class,
        subject: body.subject,
        limit: Limit { per_minute: body.per_minute, burst: body.burst },
        created_at: now,
        updated_at: now,
    };
    found.rules.rules.push(rule.clone());
    let tx = found.write(deps, &Change { tenant, actor, cause: &call.cause }, &rule, Some(rule.limit));
    call.commit(deps, tx, reply(rule, found.version() + 1)).await?.or_changed()
}

#[cfg(test)]
mod tests {
    use contracts::tenants::RateRule as View;
    use serde_json::json;
    use testing::{World, events, everything};

    use super::*;
    use crate::fixtures::{list, request, set};

    #[tokio::test]
    async fn sets_a_limit_and_tells() {
        let world = World::new().await;
        world.dynamo.take_calls();
        let rule = set(&world, "checkout", "address", 30, 10).await;
        let calls = [("GetItem".to_owned(), 1), ("TransactWriteItems".to_owned(), 1)];
        assert_eq!(world.dynamo.take_calls(), calls.into());
        assert_eq!((rule.per_minute, rule.burst), (30, 10));
        assert_eq!(list(&world).await, std::slice::from_ref(&rule));
        let [event] = events(&world, "RATE_RULE_CHANGED").try_into().unwrap();
        let expected = json!({
            "rule_id": rule.id, "class": "checkout", "subject": "address", "per_minute": 30, "burst": 10,
            "actor": world.owner.account_id,
        });
        assert_eq!((&event["data"], &event["version"]), (&expected, &json!(1)));
    }

    #[tokio::test]
    async fn a_second_one_for_the_same_is_refused() {
        let world = World::new().await;
        set(&world, "read", "address", 100, 50).await;
        set(&world, "read", "account", 100, 50).await;
        let before = everything(&world);
        let body = json!({ "class": "read", "subject": "address", "per_minute": 5, "burst": 5 });
        let answer = request(&world).json(body).send(&world.deps, handle).await;
        assert_eq!(answer.problem(), (409, "rate_rule_exists".to_owned()));
        assert_eq!(everything(&world), before);
    }

    #[tokio::test]
    async fn the_same_key_sets_one_limit() {
        let world = World::new().await;
        let body = json!({ "class": "write", "subject": "tenant", "per_minute": 600, "burst": 100 });
        let send = || request(&world).key("k-1").json(body.clone()).send(&world.deps, handle);
        assert_eq!(send().await.ok::<View>(), send().await.ok::<View>());
        assert_eq!(list(&world).await.len(), 1);
    }

    #[tokio::test]
    async fn what_cannot_be_a_limit_is_told_by_field() {
        let world = World::new().await;
        for (body, wrong) in [
            (json!({ "class": "auth", "subject": "tenant", "per_minute": 5, "burst": 5 }), vec!["/class"]),
            (json!({ "class": "read", "subject": "planet", "per_minute": 5, "burst": 5 }), vec!["/subject"]),
            (
                json!({ "class": "read", "subject": "tenant", "per_minute": 0, "burst": 1_000_001 }),
                vec!["/burst", "/per_minute"],
            ),
        ] {
            let answer = request(&world).json(body).send(&world.deps, handle).await;
            let mut pointers: Vec<String> = answer.fields().into_iter().map(|(pointer, _)| pointer).collect();
            pointers.sort_unstable();
            assert_eq!(pointers, wrong);
        }
    }
}
