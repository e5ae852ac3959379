//! `GET /auth/me`: the caller's own account.

use contracts::auth::{Account as AccountView, Me};
use domain::account::Account;
use runtime::{Call, Granted, Outcome, Problem, Reply};
use store::keys;

pub async fn handle(deps: &Granted<Me>, call: Call<Me>) -> Outcome<Me> {
    let found = deps.db.get::<Account>(&keys::account(call.principal()?.account_id)).await?;
    let found = found.ok_or_else(Problem::not_found)?;
    Ok(Reply::new(&AccountView::new(found.value, found.version)).etag(found.version))
}

#[cfg(test)]
mod tests {
    use domain::Role;
    use runtime::Principal;
    use testing::{TestRequest, World};

    use super::*;
    use crate::fixtures::{EMAIL, PASSWORD, account};

    #[tokio::test]
    async fn shows_the_person_and_no_hash() {
        let world = World::new().await;
        let person = account(&world, EMAIL, Some(PASSWORD)).await;
        let principal = Principal { account_id: person.id, role: Role::Customer, ..world.buyer.clone() };
        let answer = TestRequest::new().by(&principal).send(&world.deps, handle).await;
        let shown: AccountView = answer.ok();
        assert_eq!((shown.id, shown.email.as_str(), shown.version), (person.id, EMAIL, 1));
        assert_eq!(answer.0.header("etag"), Some("\"1\""));
        assert!(!answer.json().to_string().contains("argon2"));
    }

    #[tokio::test]
    async fn guests_are_nobody() {
        let world = World::new().await;
        assert_eq!(TestRequest::new().by(&world.buyer).send(&world.deps, handle).await.status(), 403);
        assert_eq!(TestRequest::new().send(&world.deps, handle).await.status(), 401);
        // The test world's owner has no account record.
        assert_eq!(TestRequest::new().by(&world.owner).send(&world.deps, handle).await.status(), 404);
    }
}
