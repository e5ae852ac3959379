//! `PATCH /coupons/{id}`: changes the terms of a coupon. One batched read (coupon and store) and one transaction; both
//! are repeated if somebody used the coupon in between.

use contracts::{
    coupons::{Update, UpdateCoupon},
    events::CouponUpdated,
    patch::set,
};
use domain::{coupon::Coupon, store::Store};
use runtime::{Call, Deps, Granted, Outcome, Problem, Tries, retry};
use store::{Versioned, keys};

use crate::coupon::{check_terms, reply};

pub async fn handle(deps: &Granted<Update>, call: Call<Update>) -> Outcome<Update> {
    let at = call.store()?;
    // Every use of a coupon changes its version, so conflicts are frequent.
    retry!(Tries::MANY_RIVALS, {
        let (found, store) = read_with_store(deps, &call).await?;
        call.expect_version(found.version)?;
        let mut coupon = found.value;
        let changed = apply(&mut coupon, call.body.clone());
        if changed.is_empty() {
            return Ok(reply(coupon, found.version));
        }
        check_terms(&coupon, store.currency)?;
        coupon.terms += 1;
        coupon.updated_at = deps.now();

        let version = found.version + 1;
        let mut tx = deps.tx();
        tx.update(at.tenant_id, &coupon, found.version);
        let actor = call.principal()?.account_id;
        let event = CouponUpdated { store_id: at.store_id, coupon_id: coupon.id, changed, actor };
        tx.emit(&deps.event(&call.cause, at.tenant_id, coupon.id, version, event));
        call.commit(deps, tx, reply(coupon, version)).await?.into()
    })
}

async fn read_with_store(deps: &Deps, call: &Call<Update>) -> Result<(Versioned<Coupon>, Store), Problem> {
    let at = call.store()?;
    let coupon = keys::coupon(at.tenant_id, at.store_id, call.path.id);
    let store = keys::store(at.tenant_id, at.store_id);
    let mut found = deps.db.batch_get(&[coupon.clone(), store.clone()]).await?;
    let coupon = found.take::<Coupon>(&coupon)?.ok_or_else(Problem::not_found)?;
    Ok((coupon, found.take::<Store>(&store)?.ok_or_else(Problem::not_found)?.value))
}

/// Applies the changes, and returns the names of the changed fields.
fn apply(coupon: &mut Coupon, body: UpdateCoupon) -> Vec<String> {
    let mut changed = vec![];
    set(&mut coupon.discount, body.discount, "discount", &mut changed);
    set(&mut coupon.minimum_subtotal, body.minimum_subtotal, "minimum_subtotal", &mut changed);
    set(&mut coupon.starts_at, body.starts_at, "starts_at", &mut changed);
    set(&mut coupon.ends_at, body.ends_at, "ends_at", &mut changed);
    set(&mut coupon.cap, body.cap, "cap", &mut changed);
    set(&mut coupon.cap_per_customer, body.cap_per_customer, "cap_per_customer", &mut changed);
    set(&mut coupon.active, body.active, "active", &mut changed);
    changed
}

#[cfg(test)]
mod tests {
    use contracts::coupons::Coupon as View;
    use domain::coupon::Discount;
    use serde_json::{Value, json};
    use testing::{TestRequest, World, http::Answer};

    use super::*;
    use crate::fixtures::{coupon, events, hidden_from_others, naira, redeem, request, stored};

    async fn update(world: &World, coupon: &View, body: Value) -> Answer {
        request(world).path("id", coupon.id).json(body).send(&world.deps, handle).await
    }

    #[tokio::test]
    async fn changes_what_is_given_and_tells_which() {
        let world = World::new().await;
        let made = coupon(&world, "SAVE10", json!({ "cap": 5, "ends_at": "2026-03-01T00:00:00Z" })).await;
        world.clock.advance_s(1);
        world.dynamo.take_calls();
        let body = json!({
            "discount": { "kind": "fixed", "amount": naira(500) }, "cap": 7, "ends_at": null, "active": false,
        });
        let answer = update(&world, &made, body).await;
        let calls = [("BatchGetItem".to_owned(), 1), ("TransactWriteItems".to_owned(), 1)];
        assert_eq!(world.dynamo.take_calls(), calls.into());
        assert_eq!(answer.0.header("etag"), Some("\"2\""));
        let expected = View {
            discount: Discount::Fixed { amount: domain::Money::new(50_000, world.store.currency) },
            cap: Some(7),
            ends_at: None,
            active: false,
            updated_at: world.deps.now(),
            version: 2,
            ..made.clone()
        };
        assert_eq!(answer.ok::<View>(), expected);
        assert_eq!(stored(&world, made.id).await.unwrap().value.terms, 2);
        let [event] = events(&world, "COUPON_UPDATED").try_into().unwrap();
        assert_eq!(event["data"]["changed"], json!(["discount", "ends_at", "cap", "active"]));
        assert_eq!(update(&world, &made, json!({ "cap": null })).await.ok::<View>().cap, None);
    }

    #[tokio::test]
    async fn nothing_new_writes_nothing() {
        let world = World::new().await;
        let made = coupon(&world, "SAVE10", json!({})).await;
        for body in [json!({}), json!({ "active": true, "cap": null })] {
            assert_eq!(update(&world, &made, body).await.ok::<View>(), made);
        }
        assert!(events(&world, "COUPON_UPDATED").is_empty());
    }

    #[tokio::test]
    async fn keeps_the_uses_and_does_not_go_below_them() {
        let world = World::new().await;
        let made = coupon(&world, "SAVE10", json!({ "cap": 5 })).await;
        redeem(&world, made.id, "ada@example.com").await;
        redeem(&world, made.id, "obi@example.com").await;
        let below = update(&world, &made, json!({ "cap": 1 })).await;
        assert_eq!(below.fields(), [("/cap".to_owned(), "below_uses".to_owned())]);
        let exact: View = update(&world, &made, json!({ "cap": 2 })).await.ok();
        assert_eq!((exact.cap, exact.uses, exact.version), (Some(2), 2, 4));
    }

    #[tokio::test]
    async fn terms_that_cannot_be_are_told_by_field() {
        let world = World::new().await;
        let made = coupon(&world, "SAVE10", json!({ "starts_at": "2026-03-01T00:00:00Z" })).await;
        let early = update(&world, &made, json!({ "ends_at": "2026-02-01T00:00:00Z" })).await;
        assert_eq!(early.fields(), [("/ends_at".to_owned(), "invalid".to_owned())]);
        let usd = json!({ "minimum_subtotal": { "amount_minor": 5, "currency": "USD" } });
        let foreign = update(&world, &made, usd).await;
        assert_eq!(foreign.fields(), [("/minimum_subtotal/currency".to_owned(), "wrong_currency".to_owned())]);
        assert_eq!(update(&world, &made, json!({ "code": "OTHER" })).await.status(), 422);
    }

    #[tokio::test]
    async fn only_the_version_that_was_meant_is_changed() {
        let world = World::new().await;
        let made = coupon(&world, "SAVE10", json!({})).await;
        let send = |version: u64, cap: u32| {
            let request = request(&world).path("id", made.id).header("if-match", format!("\"{version}\""));
            request.json(json!({ "cap": cap })).send(&world.deps, handle)
        };
        assert_eq!(send(1, 5).await.status(), 200);
        assert_eq!(send(1, 6).await.problem(), (412, "version_mismatch".into()));
        redeem(&world, made.id, "ada@example.com").await;
        assert_eq!(send(2, 6).await.problem(), (412, "version_mismatch".into()));
        assert_eq!(send(3, 6).await.status(), 200);
    }

    #[tokio::test]
    async fn others_do_not_see_it() {
        let world = World::new().await;
        let made = coupon(&world, "SAVE10", json!({})).await;
        let request = || TestRequest::new().path("id", made.id).json(json!({ "cap": 1 }));
        hidden_from_others(&world, handle, request).await;
    }
}
