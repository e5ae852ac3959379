//! `DELETE /rate-rules/{id}`: removes a rate limit; the platform's own holds again. One read and one transaction.

use contracts::tenants::DeleteRateRule;
use runtime::{Call, Granted, Outcome};

use crate::rate_rules::{Change, read, reply};

pub async fn handle(deps: &Granted<DeleteRateRule>, call: Call<DeleteRateRule>) -> Outcome<DeleteRateRule> {
    let (tenant, actor) = (call.tenant()?, call.principal()?.account_id);
    let mut found = read(deps, tenant).await?;
    let index = found.find(call.path.id)?;
    call.expect_version(found.version())?;
    let rule = found.rules.rules.remove(index);
    let tx = found.write(deps, &Change { tenant, actor, cause: &call.cause }, &rule, None);
    call.commit(deps, tx, reply(rule, found.version() + 1)).await?.or_changed()
}

#[cfg(test)]
mod tests {
    use contracts::tenants::RateRule as View;
    use testing::World;

    use super::*;
    use crate::fixtures::{list, request, set, told};

    #[tokio::test]
    async fn removes_it_and_tells() {
        let world = World::new().await;
        let kept = set(&world, "read", "account", 100, 50).await;
        let rule = set(&world, "read", "address", 100, 50).await;
        let send = || request(&world).path("id", rule.id).send(&world.deps, handle);
        assert_eq!(send().await.ok::<View>(), rule);
        assert_eq!(list(&world).await, [kept]);
        assert!(told(&world, 3)["burst"].is_null());
        assert_eq!(send().await.problem(), (404, "not_found".to_owned()));
        set(&world, "read", "address", 10, 5).await;
    }

    #[tokio::test]
    async fn others_do_not_see_it() {
        let world = World::new().await;
        let rule = set(&world, "read", "address", 100, 50).await;
        let theirs = request(&world.neighbour().await).path("id", rule.id).send(&world.deps, handle).await;
        assert_eq!(theirs.status(), 404);
        assert_eq!(list(&world).await, [rule]);
    }
}
