//! `POST /inventory/{variant_id}/adjust`: the team corrects the units on hand after a count, restock or write-off.
//!
//! Written at the version that was read, so that the answer and the event report exactly the resulting count. Orders
//! change the same item concurrently, so conflicts are normal and the write is retried.

use contracts::{
    events::StockAdjusted,
    inventory::{Adjust, Stock as StockView},
    problems,
};
use domain::{
    MovementId,
    stock::{AdjustError, Movement, MovementReason, Stock},
};
use runtime::{Call, Deps, Granted, Outcome, Problem, Reply, Tries, retry};
use store::Tx;

use crate::find;

pub async fn handle(deps: &Granted<Adjust>, call: Call<Adjust>) -> Outcome<Adjust> {
    let (at, variant) = (call.store()?, call.path.variant_id);
    retry!(Tries::MANY_RIVALS, {
        let stock = find::stock(deps, at, variant).await?;
        call.expect_version(stock.version)?;
        let next = stock.value.adjust(call.body.delta, deps.now()).map_err(refuse)?;
        let tx = write(deps, &call, &next, stock.version)?;
        let version = stock.version + 1;
        let reply = Reply::new(&StockView::new(next, version)).etag(version);
        call.commit(deps, tx, reply).await?.into()
    })
}

fn write(deps: &Deps, call: &Call<Adjust>, next: &Stock, read_at: u64) -> Result<Tx, Problem> {
    let (tenant, actor) = (call.store()?.tenant_id, call.principal()?.account_id);
    let reason = MovementReason::from(call.body.reason);
    let movement = Movement {
        id: deps.id(MovementId::from_ulid),
        variant_id: next.variant_id,
        delta: call.body.delta,
        reason,
        reference: call.body.reference.clone(),
        actor: Some(actor),
        at: next.updated_at,
    };
    let adjusted = StockAdjusted {
        store_id: next.store_id,
        variant_id: next.variant_id,
        delta: movement.delta,
        on_hand: next.on_hand,
        reason: reason.name().to_owned(),
        actor,
    };
    let mut tx = deps.tx();
    tx.update(tenant, next, read_at);
    tx.create(tenant, &movement);
    tx.emit(&deps.event(&call.cause, tenant, next.variant_id, read_at + 1, adjusted));
    Ok(tx)
}

fn refuse(error: AdjustError) -> Problem {
    let code = match error {
        AdjustError::BelowReserved { .. } => &problems::BELOW_RESERVED,
        AdjustError::TooMuch => &problems::STOCK_TOO_LARGE,
    };
    Problem::new(code, error.to_string())
}

#[cfg(test)]
mod tests {
    use contracts::table::Table;
    use domain::{Role, VariantId, limits::STOCK_MAX};
    use serde_json::{Value, json};
    use testing::{TestRequest, World};

    use super::*;
    use crate::fixtures::{events, movements, reserve, stock};

    fn request(world: &World, variant: VariantId, body: Value) -> TestRequest {
        TestRequest::new().by(&world.owner).store(&world.store.slug).path("variant_id", variant).key("k").json(body)
    }

    #[tokio::test]
    async fn counts_and_tells() {
        let world = World::new().await;
        let (_, variant) = world.product("Book", 100, 7).await;
        let body = json!({ "delta": 5, "reason": "restock", "reference": "Delivery 12" });
        world.dynamo.take_calls();
        let answer = request(&world, variant, body).send(&world.deps, handle).await;
        let after: StockView = answer.ok();
        assert_eq!((after.on_hand, after.available, after.version), (12, 12, 2));
        assert_eq!(answer.0.header("etag"), Some("\"2\""));
        assert_eq!(world.dynamo.take_calls()["TransactWriteItems"], 1);
        assert_eq!(stock(&world, variant).await.on_hand, 12);
        assert_eq!(movements(&world, variant).await, [(5, MovementReason::Restock, Some("Delivery 12".into()))]);
        let event = &events(&world)[0];
        assert_eq!(event["type"], "STOCK_ADJUSTED");
        assert_eq!((&event["subject"], &event["version"]), (&json!(variant), &json!(2)));
        assert_eq!(event["data"]["reason"], "restock");
        assert_eq!((&event["data"]["delta"], &event["data"]["on_hand"]), (&json!(5), &json!(12)));
    }

    #[tokio::test]
    async fn what_is_reserved_cannot_be_taken_away() {
        let world = World::new().await;
        let (_, variant) = world.product("Book", 100, 7).await;
        reserve(&world, &[(variant, 4)]).await;
        let body = |delta: i64| json!({ "delta": delta, "reason": "damage" });
        let answer = request(&world, variant, body(-4)).send(&world.deps, handle).await;
        assert_eq!(answer.problem(), (409, problems::BELOW_RESERVED.name.into()));
        assert!(answer.json()["detail"].as_str().unwrap().contains("only 3 "), "{}", answer.json());
        let all_that_is_free: StockView = request(&world, variant, body(-3)).send(&world.deps, handle).await.ok();
        assert_eq!((all_that_is_free.on_hand, all_that_is_free.available), (4, 0));
        let too_much = request(&world, variant, body(STOCK_MAX)).key("k2").send(&world.deps, handle).await;
        assert_eq!(too_much.problem(), (409, problems::STOCK_TOO_LARGE.name.into()));
    }

    #[tokio::test]
    async fn a_repetition_counts_once_and_gets_the_same_answer() {
        let world = World::new().await;
        let (_, variant) = world.product("Book", 100, 3).await;
        let body = json!({ "delta": -3, "reason": "correction" });
        let first = request(&world, variant, body.clone()).send(&world.deps, handle).await;
        let again = request(&world, variant, body).send(&world.deps, handle).await;
        assert_eq!((first.status(), &first.0.body), (200, &again.0.body));
        assert_eq!(stock(&world, variant).await.on_hand, 0);
        assert_eq!(events(&world).len(), 1);
        let other = request(&world, variant, json!({ "delta": 1, "reason": "correction" })).send(&world.deps, handle);
        assert_eq!(other.await.problem(), (422, "idempotency_key_reused".into()));
    }

    #[tokio::test]
    async fn says_everything_that_is_wrong() {
        let world = World::new().await;
        let (_, variant) = world.product("Book", 100, 3).await;
        let body = json!({ "delta": 0, "reason": "restock", "reference": "\u{3164}" });
        let answer = request(&world, variant, body).send(&world.deps, handle).await;
        assert_eq!(answer.status(), 422);
        let fields: Vec<_> = answer.fields().into_iter().map(|(pointer, _)| pointer).collect();
        assert!(fields.contains(&"/delta".into()) && fields.contains(&"/reference".into()), "{fields:?}");
        let sale = request(&world, variant, json!({ "delta": 1, "reason": "sale" })).send(&world.deps, handle).await;
        assert_eq!(sale.status(), 422);
        let keyless = TestRequest::new().by(&world.owner).store(&world.store.slug).path("variant_id", variant);
        let keyless = keyless.json(json!({ "delta": 1, "reason": "restock" })).send(&world.deps, handle).await;
        assert_eq!(keyless.problem(), (400, "idempotency_key_missing".into()));
    }

    #[tokio::test]
    async fn honours_if_match() {
        let world = World::new().await;
        let (_, variant) = world.product("Book", 100, 3).await;
        let body = json!({ "delta": 1, "reason": "correction" });
        let stale = request(&world, variant, body.clone()).header("if-match", "\"9\"").send(&world.deps, handle).await;
        assert_eq!(stale.status(), 412);
        let fresh = request(&world, variant, body).header("if-match", "\"1\"").send(&world.deps, handle).await;
        assert_eq!(fresh.status(), 200);
    }

    #[tokio::test]
    async fn only_the_stores_own_team_may() {
        let world = World::new().await;
        let neighbour = world.neighbour().await;
        let (_, theirs) = neighbour.product("Book", 100, 3).await;
        let body = json!({ "delta": 1, "reason": "correction" });
        let answer = request(&world, theirs, body.clone()).send(&world.deps, handle).await;
        assert_eq!(answer.problem(), (404, "not_found".into()));
        assert_eq!(stock(&neighbour, theirs).await.on_hand, 3);
        for role in [Role::Viewer, Role::Customer, Role::Guest] {
            let caller = neighbour.principal(role);
            let answer = request(&neighbour, theirs, body.clone()).by(&caller).send(&world.deps, handle).await;
            assert_eq!(answer.problem(), (403, "forbidden".into()), "{role:?}");
        }
        assert!(world.dynamo.items(Table::Outbox).is_empty());
    }
}
