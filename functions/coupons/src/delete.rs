//! `DELETE /coupons/{id}`: deletes a coupon and its code. The records of its uses stay. One read and one transaction;
//! both are repeated if somebody used the coupon in between.

use contracts::{coupons::Delete, events::CouponDeleted};
use runtime::{Call, Granted, Outcome, Tries, retry};
use store::keys;

use crate::coupon::{read, reply};

pub async fn handle(deps: &Granted<Delete>, call: Call<Delete>) -> Outcome<Delete> {
    let (at, coupon_id) = (call.store()?, call.path.id);
    retry!(Tries::MANY_RIVALS, {
        let found = read(deps, at, coupon_id).await?;
        call.expect_version(found.version)?;
        let code = found.value.code.clone();
        let mut tx = deps.tx();
        tx.delete(keys::coupon(at.tenant_id, at.store_id, coupon_id), found.version);
        tx.remove(keys::coupon_code(at.tenant_id, at.store_id, &code));
        let event = CouponDeleted { store_id: at.store_id, coupon_id, code, actor: call.principal()?.account_id };
        tx.emit(&deps.event(&call.cause, at.tenant_id, coupon_id, found.version + 1, event));
        call.commit(deps, tx, reply(found.value, found.version)).await?.into()
    })
}

#[cfg(test)]
mod tests {
    use contracts::coupons::Coupon;
    use serde_json::json;
    use testing::{TestRequest, World};

    use super::*;
    use crate::fixtures::{codes, coupon, events, hidden_from_others, redeem, request, stored};

    #[tokio::test]
    async fn takes_its_code_with_it() {
        let world = World::new().await;
        let made = coupon(&world, "SAVE10", json!({})).await;
        world.dynamo.take_calls();
        let send = || request(&world).path("id", made.id).send(&world.deps, handle);
        assert_eq!(send().await.ok::<Coupon>(), made);
        let calls = [("GetItem".to_owned(), 1), ("TransactWriteItems".to_owned(), 1)];
        assert_eq!(world.dynamo.take_calls(), calls.into());
        assert!(stored(&world, made.id).await.is_none() && codes(&world).is_empty());
        assert_eq!(events(&world, "COUPON_DELETED")[0]["data"]["code"], "SAVE10");
        assert_eq!(send().await.problem(), (404, "not_found".into()));
        assert_ne!(coupon(&world, "SAVE10", json!({})).await.id, made.id);
    }

    #[tokio::test]
    async fn a_used_one_can_go_but_not_at_another_version_than_was_meant() {
        let world = World::new().await;
        let made = coupon(&world, "SAVE10", json!({})).await;
        redeem(&world, made.id, "ada@example.com").await;
        let send = |version: u64| {
            let request = request(&world).path("id", made.id).header("if-match", format!("\"{version}\""));
            request.send(&world.deps, handle)
        };
        assert_eq!(send(1).await.problem(), (412, "version_mismatch".into()));
        assert_eq!(send(2).await.ok::<Coupon>().uses, 1);
    }

    #[tokio::test]
    async fn others_do_not_see_it() {
        let world = World::new().await;
        let made = coupon(&world, "SAVE10", json!({})).await;
        hidden_from_others(&world, handle, || TestRequest::new().path("id", made.id)).await;
        assert!(stored(&world, made.id).await.is_some());
    }
}
