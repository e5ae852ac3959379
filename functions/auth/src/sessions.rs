//! `GET /auth/sessions`: where the caller is signed in.

use contracts::auth::{ListSessions, Session as SessionView};
use domain::account::{Account, Session};
use runtime::{Call, Granted, Outcome, Principal, Problem, Reply};
use store::{SortOrder, keys};

pub async fn handle(deps: &Granted<ListSessions>, call: Call<ListSessions>) -> Outcome<ListSessions> {
    let caller = call.principal()?;
    let account = deps.db.get::<Account>(&keys::account(caller.account_id)).await?.ok_or_else(Problem::not_found)?;
    let filters = caller.account_id.to_string();
    let position = call.position(deps, call.query.cursor.as_deref(), &filters).await?;
    let is_live = |session: &Session| session.is_live(account.value.password_version, deps.now());
    let (list, limit) = (keys::sessions(caller.account_id), call.query.limit.get());
    let (found, next) = deps.db.list_where(&list, SortOrder::Ascending, limit, position.as_ref(), is_live).await?;
    let items = found.into_iter().map(|session| view(session.value, caller)).collect();
    Ok(Reply::new(&call.page(deps, items, next, &filters).await?))
}

fn view(session: Session, caller: &Principal) -> SessionView {
    SessionView {
        id: session.id,
        current: session.id == caller.session_id,
        tenant_id: session.tenant_id,
        role: session.role,
        created_at: session.created_at,
        refreshed_at: session.rotated_at,
        expires_at: session.expires_at,
    }
}

#[cfg(test)]
mod tests {
    use contracts::http::Page;
    use domain::{Role, limits::REFRESH_TOKEN_TTL_S};
    use testing::{TestRequest, World};

    use super::*;
    use crate::{
        fixtures::{refresh, session},
        logout,
    };

    async fn list(world: &World, by: &Principal, query: &str) -> Page<SessionView> {
        TestRequest::new().by(by).query(query).send(&world.deps, handle).await.ok()
    }

    #[tokio::test]
    async fn shows_ones_own_live_sessions_page_by_page() {
        let world = World::new().await;
        let buyer = world.buyer.account_id;
        session(&world, world.owner.account_id, Some(world.tenant), Role::Owner).await;
        let (_, forgotten) = session(&world, buyer, None, Role::Customer).await;
        world.clock.advance_s(REFRESH_TOKEN_TTL_S - 60);
        let (tokens, first) = session(&world, buyer, Some(world.tenant), Role::Customer).await;
        assert_eq!(list(&world, &first, "").await.items.len(), 2);
        world.clock.advance_s(60);
        let (_, second) = session(&world, buyer, None, Role::Customer).await;
        let (_, third) = session(&world, buyer, None, Role::Customer).await;
        TestRequest::new().by(&third).send(&world.deps, logout::handle).await;
        refresh(&world, &tokens.refresh_token).await;

        let page = list(&world, &second, "limit=1").await;
        let shown = |page: &Page<SessionView>| page.items.iter().map(|it| (it.id, it.current)).collect::<Vec<_>>();
        assert_eq!(shown(&page), [(first.session_id, false)]);
        assert_eq!((page.items[0].tenant_id, page.items[0].role), (Some(world.tenant), Role::Customer));
        assert_eq!(page.items[0].refreshed_at, world.deps.now());
        let rest = list(&world, &second, &format!("limit=1&cursor={}", page.next_cursor.unwrap())).await;
        assert_eq!(shown(&rest), [(second.session_id, true)]);
        assert_eq!(rest.next_cursor, None);
        assert_ne!(forgotten.session_id, first.session_id);
    }

    #[tokio::test]
    async fn shows_no_secret() {
        let world = World::new().await;
        let (_, caller) = session(&world, world.buyer.account_id, None, Role::Customer).await;
        let shown = TestRequest::new().by(&caller).send(&world.deps, handle).await.json().to_string();
        assert!(!shown.contains("hash") && !shown.contains("key"), "{shown}");
        assert_eq!(TestRequest::new().by(&world.buyer).send(&world.deps, handle).await.status(), 403);
    }
}
