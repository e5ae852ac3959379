//! `POST /coupons`: creates a coupon. Its code is unique in the store. One read (the store) and one transaction.

use contracts::{
    coupons::{Create, CreateCoupon},
    events::CouponCreated,
    http::FieldError,
    problems,
};
use domain::{
    CouponId,
    coupon::{Coupon, normalize_code},
    store::Store,
};
use runtime::{Call, Deps, Granted, Outcome, Problem, http::Committed};
use store::{CommitError, CouponCodeClaim, keys};

use crate::coupon::{check_terms, reply};

pub async fn handle(deps: &Granted<Create>, call: Call<Create>) -> Outcome<Create> {
    let at = call.store()?;
    let store = deps.db.get::<Store>(&keys::store(at.tenant_id, at.store_id)).await?.ok_or_else(Problem::not_found)?;
    let coupon = build(deps, &call.body, &store.value);
    check_terms(&coupon, store.value.currency)?;

    let (store_id, coupon_id, code) = (at.store_id, coupon.id, coupon.code.clone());
    let mut tx = deps.tx();
    tx.create(at.tenant_id, &coupon);
    let claim = tx.create(at.tenant_id, &CouponCodeClaim { store_id, code: code.clone(), coupon_id });
    let actor = call.principal()?.account_id;
    tx.emit(&deps.event(&call.cause, at.tenant_id, coupon_id, 1, CouponCreated { store_id, coupon_id, code, actor }));
    match call.commit(deps, tx, reply(coupon, 1)).await? {
        Committed::Done(reply) => Ok(reply),
        Committed::Refused(refused) if refused.contains(claim) => Err(code_taken()),
        Committed::Refused(refused) => Err(CommitError::Refused(refused).into()),
    }
}

fn build(deps: &Deps, body: &CreateCoupon, store: &Store) -> Coupon {
    let now = deps.now();
    Coupon {
        id: deps.id(CouponId::from_ulid),
        store_id: store.id,
        code: normalize_code(&body.code),
        discount: body.discount,
        minimum_subtotal: body.minimum_subtotal,
        starts_at: body.starts_at,
        ends_at: body.ends_at,
        cap: body.cap,
        cap_per_customer: body.cap_per_customer,
        uses: 0,
        active: body.active.unwrap_or(true),
        terms: 1,
        created_at: now,
        updated_at: now,
    }
}

fn code_taken() -> Problem {
    let error = FieldError {
        pointer: "/code".to_owned(),
        code: "code_taken".to_owned(),
        detail: "another coupon of the store has this code".to_owned(),
    };
    Problem::new(&problems::CODE_TAKEN, "what has to be unique in the store is taken; nothing was changed")
        .with_errors(vec![error])
}

#[cfg(test)]
mod tests {
    use contracts::coupons::Coupon as View;
    use domain::{Role, coupon::Discount};
    use serde_json::json;
    use testing::World;

    use super::*;
    use crate::fixtures::{codes, coupon, create, events, naira, request};

    #[tokio::test]
    async fn makes_a_coupon_and_tells() {
        let world = World::new().await;
        let body = json!({
            "code": "save-10", "discount": { "kind": "percentage", "basis_points": 1_000 },
            "minimum_subtotal": naira(5_000), "starts_at": "2026-01-01T00:00:00Z", "ends_at": "2026-02-01T00:00:00Z",
            "cap": 100, "cap_per_customer": 1,
        });
        create(&world, json!({ "code": "FIRST", "discount": { "kind": "fixed", "amount": naira(1) } })).await;
        world.dynamo.take_calls();
        let answer = create(&world, body).await;
        let calls = [("GetItem".to_owned(), 1), ("TransactWriteItems".to_owned(), 1)];
        assert_eq!(world.dynamo.take_calls(), calls.into());
        assert_eq!((answer.status(), answer.0.header("etag")), (201, Some("\"1\"")));
        let made: View = answer.ok();
        assert_eq!((made.code.as_str(), made.discount), ("SAVE-10", Discount::Percentage { basis_points: 1_000 }));
        assert_eq!((made.cap, made.cap_per_customer, made.uses, made.active), (Some(100), Some(1), 0, true));
        assert_eq!(made.minimum_subtotal.unwrap().amount_minor, 500_000);
        assert_eq!(made.ends_at.unwrap().to_string(), "2026-02-01T00:00:00Z");
        assert_eq!(codes(&world), ["CODE#FIRST", "CODE#SAVE-10"]);
        let [_, event] = events(&world, "COUPON_CREATED").try_into().unwrap();
        let actor = world.owner.account_id;
        let expected = json!({ "store_id": world.store.id, "coupon_id": made.id, "code": "SAVE-10", "actor": actor });
        assert_eq!((&event["subject"], &event["data"]), (&json!(made.id), &expected));
    }

    #[tokio::test]
    async fn a_code_is_the_stores_own_whatever_its_case() {
        let world = World::new().await;
        coupon(&world, "SAVE10", json!({})).await;
        let discount = json!({ "kind": "percentage", "basis_points": 500 });
        let again = json!({ "code": "Save10", "discount": discount });
        let taken = create(&world, again.clone()).await;
        assert_eq!(taken.problem(), (409, "code_taken".into()));
        assert_eq!(taken.fields(), [("/code".to_owned(), "code_taken".to_owned())]);
        let second = world.branch("adas-shoes").await.store;
        let there = request(&world).store(&second.slug).json(again.clone()).send(&world.deps, handle).await;
        assert_eq!(there.ok::<View>().store_id, second.id);
        assert_eq!(create(&world.neighbour().await, again).await.status(), 201);
    }

    #[tokio::test]
    async fn the_same_key_makes_one_coupon() {
        let world = World::new().await;
        let body = json!({ "code": "SAVE10", "discount": { "kind": "percentage", "basis_points": 500 } });
        let send = || request(&world).key("k-1").json(body.clone()).send(&world.deps, handle);
        assert_eq!(send().await.ok::<View>(), send().await.ok::<View>());
        assert_eq!(events(&world, "COUPON_CREATED").len(), 1);
    }

    #[tokio::test]
    async fn terms_that_cannot_be_are_told_by_field() {
        let world = World::new().await;
        let usd = json!({ "amount_minor": 100, "currency": "USD" });
        let answer = create(
            &world,
            json!({
                "code": "SAVE10", "discount": { "kind": "fixed", "amount": usd }, "minimum_subtotal": usd,
                "starts_at": "2026-02-01T00:00:00Z", "ends_at": "2026-02-01T00:00:00Z",
            }),
        )
        .await;
        let pair = |pointer: &str, code: &str| (pointer.to_owned(), code.to_owned());
        assert_eq!(answer.problem(), (422, "invalid_fields".into()));
        let wrong = ["/discount/amount/currency", "/minimum_subtotal/currency"].map(|at| pair(at, "wrong_currency"));
        assert_eq!(answer.fields(), [wrong.to_vec(), vec![pair("/ends_at", "invalid")]].concat());

        let percent = |basis_points: u32| json!({ "kind": "percentage", "basis_points": basis_points });
        for (body, pointer) in [
            (json!({ "code": "A B C", "discount": percent(1) }), "/code"),
            (json!({ "code": "SAVE10", "discount": percent(0) }), "/discount"),
            (json!({ "code": "SAVE10", "discount": percent(10_001) }), "/discount"),
            (json!({ "code": "SAVE10", "discount": { "kind": "fixed", "amount": naira(0) } }), "/discount"),
            (json!({ "code": "SAVE10", "discount": percent(1), "cap": 0 }), "/cap"),
            (json!({ "code": "SAVE10", "discount": percent(1), "cap_per_customer": 0 }), "/cap_per_customer"),
        ] {
            assert_eq!(create(&world, body).await.fields(), [pair(pointer, "invalid")], "{pointer}");
        }
        for body in [
            json!({ "code": "AB", "discount": percent(1) }),
            json!({ "code": "SAVE10", "discount": { "kind": "gift" } }),
            json!({ "code": "SAVE10", "discount": percent(1), "starts_at": "tomorrow" }),
        ] {
            assert_eq!(create(&world, body).await.status(), 422);
        }
        assert!(codes(&world).is_empty());
    }

    #[tokio::test]
    async fn only_those_who_may_write_do() {
        let world = World::new().await;
        let body = json!({ "code": "SAVE10", "discount": { "kind": "percentage", "basis_points": 500 } });
        for (role, status) in [(Role::Viewer, 403), (Role::Guest, 403), (Role::Staff, 201)] {
            let request = request(&world).by(&world.principal(role)).json(body.clone());
            assert_eq!(request.send(&world.deps, handle).await.status(), status, "{role:?}");
        }
    }
}
