//! `POST /orders/{id}/fulfilment`: the store's team records where an order's goods are.

use contracts::orders::{Fulfil, Order as OrderView};
use runtime::{Call, Granted, Outcome, Reply};

use crate::transition::request;

pub async fn handle(deps: &Granted<Fulfil>, call: Call<Fulfil>) -> Outcome<Fulfil> {
    request(deps, &call, call.path.id, |order| {
        call.expect_version(order.version)?;
        let (tracking, note) = (call.body.tracking.clone().map(Into::into), call.body.note.clone());
        let (next, change) = order.value.fulfil(call.body.status, tracking, note, deps.now())?;
        let version = order.version + 1;
        let reply = Reply::new(&OrderView::new(next.clone(), version)).etag(version);
        Ok((Some((next, change)), reply))
    })
    .await
}

#[cfg(test)]
mod tests {
    use contracts::orders::Fulfilment;
    use domain::{
        Role,
        order::{FulfilmentStatus, OrderStatus, Tracking},
    };
    use runtime::Principal;
    use serde_json::{Value, json};
    use testing::{TestRequest, http::Answer};

    use super::*;
    use crate::{
        cancel,
        fixtures::{Fixture, everything},
    };

    async fn fulfil(fixture: &Fixture, by: &Principal, key: &str, body: Value) -> Answer {
        let request = TestRequest::new().by(by).path("id", fixture.order.id).key(key).json(body);
        request.send(fixture.deps(), handle).await
    }

    #[tokio::test]
    async fn the_goods_go_to_the_buyer_in_one_read_and_one_transaction_a_step() {
        let fixture = Fixture::confirmed().await;
        let staff = fixture.world.principal(Role::Staff);
        let tracking = json!({ "courier": "GIG", "number": "204" });
        for (version, status, more, became, event) in [
            (4, "preparing", json!({}), OrderStatus::Confirmed, "ORDER_FULFILMENT_UPDATED"),
            (5, "dispatched", json!({ "tracking": tracking }), OrderStatus::Fulfilled, "ORDER_DISPATCHED"),
            (6, "in_transit", json!({}), OrderStatus::Fulfilled, "ORDER_FULFILMENT_UPDATED"),
            (
                7,
                "delivery_failed",
                json!({ "note": "Nobody there" }),
                OrderStatus::Fulfilled,
                "ORDER_FULFILMENT_UPDATED",
            ),
            (8, "dispatched", json!({}), OrderStatus::Fulfilled, "ORDER_DISPATCHED"),
            (9, "delivered", json!({}), OrderStatus::Completed, "ORDER_DELIVERED"),
        ] {
            fixture.world.dynamo.take_calls();
            let mut body = more.clone();
            body["status"] = status.into();
            let answer = fulfil(&fixture, &staff, &format!("k{version}"), body).await;
            let calls = fixture.world.dynamo.take_calls();
            assert_eq!(calls, [("GetItem".to_owned(), 1), ("TransactWriteItems".to_owned(), 1)].into());
            assert_eq!(answer.0.header("etag"), Some(format!("\"{version}\"").as_str()));
            let order: OrderView = answer.ok();
            assert_eq!((order.status, order.version), (became, version));
            fixture.assert_moved(version, became, event).await;
            let told = fixture.sent().pop().unwrap().data;
            assert_eq!(told["note"], more["note"], "{told}");
            let Fulfilment { tracking: shown, note, .. } = order.fulfilment.unwrap();
            assert_eq!(json!(note), more["note"]);
            let expected = (version > 4).then(|| Tracking { courier: "GIG".into(), number: "204".into() });
            assert_eq!(shown, expected, "tracking stays");
        }
        let dispatched: Vec<_> =
            fixture.sent().into_iter().filter(|event| event.r#type == "ORDER_DISPATCHED").collect();
        assert_eq!(dispatched.iter().map(|event| event.data["dispatch"].clone()).collect::<Vec<_>>(), [1, 2]);
    }

    #[tokio::test]
    async fn a_repetition_gets_the_first_answer_and_what_cannot_be_is_told() {
        let fixture = Fixture::confirmed().await;
        let owner = &fixture.world.owner;
        let first = fulfil(&fixture, owner, "k", json!({ "status": "dispatched" })).await;
        let again = fulfil(&fixture, owner, "k", json!({ "status": "dispatched" })).await;
        assert_eq!((again.status(), &again.0.body), (200, &first.0.body));
        let before = everything(&fixture.world);
        let twice = fulfil(&fixture, owner, "k2", json!({ "status": "dispatched" })).await;
        assert_eq!(twice.problem(), (409, "invalid_state".into()));
        assert_eq!(twice.json()["detail"], "cannot dispatch while dispatched");
        let asked = TestRequest::new().by(&fixture.world.buyer).path("id", fixture.order.id).key("k");
        let answer = asked.send(fixture.deps(), cancel::handle).await;
        assert_eq!(answer.json()["detail"], "cannot cancel while fulfilled");
        let nonsense = json!({ "status": "lost", "tracking": { "courier": "", "number": "1" }, "note": "" });
        let answer = fulfil(&fixture, owner, "k3", nonsense).await;
        assert_eq!(answer.status(), 422);
        let pointers: Vec<_> = answer.fields().into_iter().map(|(pointer, _)| pointer).collect();
        assert!(pointers.contains(&"/status".into()), "{pointers:?}");
        let keyless = TestRequest::new().by(owner).path("id", fixture.order.id).json(json!({ "status": "delivered" }));
        let keyless = keyless.send(fixture.deps(), handle).await;
        assert_eq!(keyless.problem(), (400, "idempotency_key_missing".into()));
        assert_eq!(everything(&fixture.world), before);
    }

    #[tokio::test]
    async fn an_order_that_is_not_confirmed_stays() {
        let fixture = Fixture::new().await;
        let answer = fulfil(&fixture, &fixture.world.owner, "k", json!({ "status": "dispatched" })).await;
        assert_eq!(answer.json()["detail"], "cannot dispatch while pending");
        assert_eq!(fixture.stored().await.version, 1);
    }

    #[tokio::test]
    async fn is_for_the_tenants_own_team() {
        let fixture = Fixture::confirmed().await;
        let world = &fixture.world;
        let neighbour = world.neighbour().await;
        let before = everything(world);
        let body = || json!({ "status": "dispatched" });
        assert_eq!(fulfil(&fixture, &neighbour.owner, "k", body()).await.problem(), (404, "not_found".into()));
        for who in [&world.buyer, &world.principal(Role::Viewer), &world.principal(Role::Customer)] {
            assert_eq!(fulfil(&fixture, who, "k", body()).await.problem(), (403, "forbidden".into()));
        }
        assert_eq!(everything(world), before);
    }

    #[tokio::test]
    async fn if_match_is_honoured() {
        let fixture = Fixture::confirmed().await;
        let asked = |etag: &str| {
            let request = TestRequest::new().by(&fixture.world.owner).path("id", fixture.order.id).key("k");
            request.header("if-match", etag).json(json!({ "status": "preparing" })).send(fixture.deps(), handle)
        };
        assert_eq!(asked("\"1\"").await.problem(), (412, "version_mismatch".into()));
        let order: OrderView = asked("\"3\"").await.ok();
        assert_eq!(order.fulfilment.unwrap().status, FulfilmentStatus::Preparing);
    }
}
