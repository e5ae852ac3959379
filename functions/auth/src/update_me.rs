//! `PATCH /auth/me`: changes the caller's own account.

use contracts::{
    auth::{Account as AccountView, UpdateMe},
    patch,
};
use domain::account::Account;
use runtime::{Call, Granted, Outcome, Problem, Reply};
use store::{Versioned, keys};

pub async fn handle(deps: &Granted<UpdateMe>, call: Call<UpdateMe>) -> Outcome<UpdateMe> {
    let found = deps.db.get::<Account>(&keys::account(call.principal()?.account_id)).await?;
    let Versioned { value: mut account, version } = found.ok_or_else(Problem::not_found)?;
    call.expect_version(version)?;
    let mut changed = vec![];
    let body = &call.body;
    patch::set(&mut account.full_name, body.full_name.clone(), "full_name", &mut changed);
    patch::set(&mut account.avatar_url, body.avatar_url.clone(), "avatar_url", &mut changed);
    let before = changed.len();
    patch::set(&mut account.phone, body.phone.clone(), "phone", &mut changed);
    if changed.is_empty() {
        return Ok(Reply::new(&AccountView::new(account, version)).etag(version));
    }
    // A changed phone number is no longer verified.
    account.phone_verified &= changed.len() == before;
    account.updated_at = deps.now();
    let mut tx = deps.tx();
    tx.update((), &account, version);
    let reply = Reply::new(&AccountView::new(account, version + 1)).etag(version + 1);
    call.commit(deps, tx, reply).await?.or_changed()
}

#[cfg(test)]
mod tests {
    use domain::Role;
    use runtime::Principal;
    use serde_json::{Value, json};
    use testing::{TestRequest, World, http::Answer};

    use super::*;
    use crate::fixtures::{EMAIL, account};

    async fn person(world: &World) -> Principal {
        let person = account(world, EMAIL, None).await;
        let mut tx = world.deps.tx();
        let phone = Some("+2348012345678".to_owned());
        tx.update((), &Account { phone, phone_verified: true, ..person.clone() }, 1);
        world.deps.db.commit(tx).await.unwrap();
        Principal { account_id: person.id, role: Role::Customer, ..world.buyer.clone() }
    }

    async fn update(world: &World, principal: &Principal, body: Value) -> Answer {
        TestRequest::new().by(principal).json(body).send(&world.deps, handle).await
    }

    #[tokio::test]
    async fn only_what_is_given_changes() {
        let world = World::new().await;
        let principal = person(&world).await;
        let body = json!({ "full_name": "Ada Lovelace", "avatar_url": "https://cdn.example.com/ada.png" });
        let shown: AccountView = update(&world, &principal, body).await.ok();
        assert_eq!((shown.full_name.as_str(), shown.version, shown.phone_verified), ("Ada Lovelace", 3, true));
        let shown: AccountView = update(&world, &principal, json!({ "avatar_url": null })).await.ok();
        assert_eq!((shown.avatar_url, shown.version), (None, 4));
        let same: AccountView = update(&world, &principal, json!({ "full_name": "Ada Lovelace" })).await.ok();
        assert_eq!(same.version, 4);
    }

    #[tokio::test]
    async fn another_phone_number_is_not_verified() {
        let world = World::new().await;
        let principal = person(&world).await;
        let same: AccountView = update(&world, &principal, json!({ "phone": "+2348012345678" })).await.ok();
        assert!(same.phone_verified);
        let other: AccountView = update(&world, &principal, json!({ "phone": "+2348012345679" })).await.ok();
        assert!(!other.phone_verified);
    }

    #[tokio::test]
    async fn what_may_not_be_changed_is_refused() {
        let world = World::new().await;
        let principal = person(&world).await;
        for body in [json!({ "email": "eve@example.com" }), json!({ "avatar_url": "javascript:alert(1)" })] {
            assert_eq!(update(&world, &principal, body).await.status(), 422);
        }
        assert_eq!(update(&world, &world.buyer, json!({})).await.status(), 403);
        let request = TestRequest::new().by(&principal).header("if-match", "\"1\"").json(json!({ "full_name": "Eve" }));
        assert_eq!(request.send(&world.deps, handle).await.problem(), (412, "version_mismatch".into()));
    }
}
