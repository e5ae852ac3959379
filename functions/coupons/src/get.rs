//! `GET /coupons/{id}`: shows a coupon. One read.

use contracts::coupons::Get;
use runtime::{Call, Granted, Outcome};

use crate::coupon::{read, reply};

pub async fn handle(deps: &Granted<Get>, call: Call<Get>) -> Outcome<Get> {
    let coupon = read(deps, call.store()?, call.path.id).await?;
    Ok(reply(coupon.value, coupon.version))
}

#[cfg(test)]
mod tests {
    use contracts::coupons::Coupon;
    use serde_json::json;
    use testing::{TestRequest, World};

    use super::*;
    use crate::fixtures::{coupon, hidden_from_others, request};

    #[tokio::test]
    async fn shows_a_coupon_for_one_read() {
        let world = World::new().await;
        let made = coupon(&world, "SAVE10", json!({})).await;
        world.dynamo.take_calls();
        let answer = request(&world).path("id", made.id).send(&world.deps, handle).await;
        assert_eq!(world.dynamo.take_calls(), [("GetItem".to_owned(), 1)].into());
        assert_eq!(answer.0.header("etag"), Some("\"1\""));
        assert_eq!(answer.ok::<Coupon>(), made);
        let asked = request(&world).by(&world.buyer).path("id", made.id).send(&world.deps, handle).await;
        assert_eq!(asked.status(), 403);
    }

    #[tokio::test]
    async fn others_do_not_see_it() {
        let world = World::new().await;
        let made = coupon(&world, "SAVE10", json!({})).await;
        hidden_from_others(&world, handle, || TestRequest::new().path("id", made.id)).await;
    }
}
