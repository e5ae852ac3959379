//! `GET /stores/{id}`: a store of the tenant, with the fields that its team may see. One read.

use contracts::stores::Get;
use runtime::{Call, Granted, Outcome};

use crate::settings::{read, reply};

pub async fn handle(deps: &Granted<Get>, call: Call<Get>) -> Outcome<Get> {
    let store = read(deps, call.tenant()?, call.path.id).await?;
    Ok(reply(store.value, store.version))
}

#[cfg(test)]
mod tests {
    use contracts::stores::Store as View;
    use domain::StoreId;
    use testing::World;

    use super::*;
    use crate::fixtures::request;

    #[tokio::test]
    async fn shows_the_tenants_own_and_no_other() {
        let world = World::new().await;
        let neighbour = world.neighbour().await;
        let get = |id: StoreId| request(&world).path("id", id).send(&world.deps, handle);
        world.dynamo.take_calls();
        let answer = get(world.store.id).await;
        assert_eq!(world.dynamo.take_calls(), [("GetItem".to_owned(), 1)].into());
        assert_eq!((answer.0.header("etag"), answer.ok::<View>().id), (Some("\"1\""), world.store.id));
        let theirs = get(neighbour.store.id).await;
        let nothing = get(world.deps.id(StoreId::from_ulid)).await;
        assert_eq!(theirs.problem(), (404, "not_found".into()));
        assert_eq!(theirs.json(), nothing.json());
    }
}
