//! `POST /onboarding/{id}/profile`: stores the profile of the first store. Its slug is looked up now, so that the
//! seller learns at once if it is taken; it is claimed only by `complete`.

use contracts::onboarding::{ProfileBody, SetProfile};
use domain::{onboarding::Profile, store::is_reserved_slug, text::slugify};
use runtime::{Call, Granted, Outcome, Problem};
use store::{StoreClaim, keys};

use crate::step::{find, save, slug_taken};

pub async fn handle(deps: &Granted<SetProfile>, call: Call<SetProfile>) -> Outcome<SetProfile> {
    let found = find(deps, &call).await?;
    let profile = profile(&call.body)?;
    let claim = keys::store_claim(&profile.store_slug);
    let taken = slug_taken(&profile.store_slug);
    let next = found.value.profile_set(profile, deps.now())?;
    if deps.db.get::<StoreClaim>(&claim).await?.is_some_and(|claim| claim.value.is_live(deps.now())) {
        return Err(taken);
    }
    save(deps, &call, &next, found.version).await
}

fn profile(body: &ProfileBody) -> Result<Profile, Problem> {
    let made = || slugify(&body.store_name).filter(|slug| !is_reserved_slug(slug));
    let store_slug = body.store_slug.clone().or_else(made).ok_or_else(|| {
        Problem::invalid_field("/store_slug", "missing", "none can be made from the store's name: give one")
    })?;
    Ok(Profile {
        store_name: body.store_name.clone(),
        store_slug,
        currency: body.currency,
        timezone: body.timezone.clone(),
        description: body.description.clone(),
    })
}

#[cfg(test)]
mod tests {
    use contracts::onboarding::Progress;
    use domain::onboarding::{Onboarding, Step};
    use serde_json::json;
    use testing::World;

    use super::*;
    use crate::fixtures::{EMAIL, Seller};

    async fn kept_slug(world: &World, seller: &Seller) -> String {
        let key = keys::onboarding(seller.id.parse().unwrap());
        world.deps.db.get::<Onboarding>(&key).await.unwrap().unwrap().value.profile.unwrap().store_slug
    }

    #[tokio::test]
    async fn may_be_changed_until_all_is_complete() {
        let world = World::new().await;
        let seller = Seller::identified(&world, EMAIL).await;
        for slug in ["ada-one", "ada-two"] {
            let progress: Progress = seller.profile(slug).await.ok();
            assert_eq!(progress.step, Step::Complete);
            assert_eq!(kept_slug(&world, &seller).await, slug);
        }
    }

    #[tokio::test]
    async fn makes_a_slug_of_the_name_where_it_can() {
        let world = World::new().await;
        let seller = Seller::identified(&world, EMAIL).await;
        for (name, slug) in [("Ada & Co.", Some("ada-co")), ("本", None), ("Support", None)] {
            let body = json!({ "store_name": name, "currency": "NGN", "timezone": "Africa/Lagos" });
            let answer = seller.request().json(body).send(&world.deps, handle).await;
            match slug {
                Some(slug) => {
                    assert_eq!(answer.status(), 200);
                    assert_eq!(kept_slug(&world, &seller).await, slug);
                }
                None => assert_eq!(answer.fields(), [("/store_slug".into(), "missing".into())]),
            }
        }
    }

    #[tokio::test]
    async fn a_taken_name_is_told_early() {
        let world = World::new().await;
        let seller = Seller::identified(&world, EMAIL).await;
        assert_eq!(seller.profile(&world.store.slug).await.problem(), (409, "slug_taken".into()));
    }

    #[tokio::test]
    async fn every_wrong_field_is_told() {
        let world = World::new().await;
        let seller = Seller::identified(&world, EMAIL).await;
        let body = json!({ "store_name": "Ada", "store_slug": "admin", "currency": "NGN", "timezone": "+01:00" });
        let answer = seller.request().json(body).send(&world.deps, handle).await;
        let mut fields: Vec<_> = answer.fields().into_iter().map(|(pointer, _)| pointer).collect();
        fields.sort();
        assert_eq!((answer.status(), fields), (422, vec!["/store_slug".to_owned(), "/timezone".to_owned()]));
    }

    #[tokio::test]
    async fn comes_after_the_password() {
        let world = World::new().await;
        let seller = Seller::proved(&world, EMAIL).await;
        assert_eq!(seller.profile("ada-one").await.problem(), (409, "invalid_state".into()));
    }
}
