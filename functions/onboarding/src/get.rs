//! `GET /onboarding/{id}`: the progress of an onboarding.

use contracts::onboarding::{Get, Progress};
use runtime::{Call, Granted, Outcome, Reply};

use crate::step::find;

pub async fn handle(deps: &Granted<Get>, call: Call<Get>) -> Outcome<Get> {
    let found = find(deps, &call).await?;
    Ok(Reply::new(&Progress::from(&found.value)))
}

#[cfg(test)]
mod tests {
    use domain::{limits::ONBOARDING_TTL_S, onboarding::Step};
    use testing::{TestRequest, World};

    use super::*;
    use crate::fixtures::{EMAIL, Seller};

    #[tokio::test]
    async fn tells_what_comes_next() {
        let world = World::new().await;
        let seller = Seller::begun(&world, EMAIL).await;
        let progress: Progress = seller.request().send(&world.deps, handle).await.ok();
        assert_eq!((progress.step, progress.phone_verified), (Step::VerifyEmail, false));
    }

    #[tokio::test]
    async fn without_its_secret_an_onboarding_is_like_none() {
        let world = World::new().await;
        let (seller, other) = (Seller::begun(&world, EMAIL).await, Seller::begun(&world, "eve@example.com").await);
        let request = || TestRequest::new().path("id", &seller.id);
        let unknown = TestRequest::new().path("id", "onb_00000000000000000000000001").send(&world.deps, handle).await;
        assert_eq!(unknown.problem(), (404, "not_found".into()));
        for refused in [
            request(),
            request().header("x-onboarding-token", ""),
            request().header("x-onboarding-token", &other.token),
            TestRequest::new().path("id", "ONB#x").header("x-onboarding-token", &seller.token),
        ] {
            assert_eq!(refused.send(&world.deps, handle).await.json(), unknown.json());
        }
    }

    #[tokio::test]
    async fn an_abandoned_one_is_gone() {
        let world = World::new().await;
        let seller = Seller::begun(&world, EMAIL).await;
        world.clock.advance_s(ONBOARDING_TTL_S - 1);
        assert_eq!(seller.request().send(&world.deps, handle).await.status(), 200);
        world.clock.advance_s(1);
        assert_eq!(seller.request().send(&world.deps, handle).await.status(), 404);
    }
}
