//! Finds the store a request is about: by `X-Store` (slug or id), else by the host name, else, for staff of a tenant
//! with a single store, that store. Store and token must belong to the same tenant.

use contracts::problems;
use domain::{TenantId, store::StoreStatus};
use store::{StoreClaim, keys};

use crate::{
    auth::Principal,
    claims::StoreRef,
    deps::Deps,
    http::{Problem, RawRequest},
};

/// Whether a request names a store, by header or by host.
pub(crate) fn is_named(deps: &Deps, raw: &RawRequest) -> bool {
    raw.header("x-store").is_some() || slug_of_host(raw, &deps.config.base_domain).is_some()
}

pub(crate) async fn resolve(deps: &Deps, raw: &RawRequest, principal: Option<&Principal>) -> Result<StoreRef, Problem> {
    let tenant = principal.and_then(|principal| principal.tenant_id);
    let is_staff = principal.is_some_and(|principal| principal.role.is_staff());
    let found = match raw.header("x-store").or_else(|| slug_of_host(raw, &deps.config.base_domain)) {
        Some(name) => by_name(deps, name).await?,
        None => match tenant {
            Some(tenant) if is_staff => Some(only_store(deps, tenant).await?),
            _ => {
                let detail = "say which store: X-Store with its slug or id, or its host name";
                return Err(Problem::new(&problems::STORE_MISSING, detail));
            }
        },
    };
    let not_found = || Problem::new(&problems::STORE_NOT_FOUND, "there is no such store");
    match (found, principal) {
        // Must not reveal whether another tenant's store exists.
        (Some(store), Some(_)) if Some(store.tenant_id) == tenant => {
            if is_staff || store.status == StoreStatus::Active { Ok(store) } else { Err(not_found()) }
        }
        (_, Some(_)) => Err(Problem::new(&problems::TENANT_MISMATCH, "the token is not for the tenant of that store")),
        (Some(store), None) if store.status == StoreStatus::Active => Ok(store),
        (_, None) => Err(not_found()),
    }
}

/// `ada` of `ada.shops.example:8000` under `shops.example`.
fn slug_of_host<'a>(raw: &'a RawRequest, base_domain: &str) -> Option<&'a str> {
    let host = raw.header("host")?.split(':').next()?;
    let base_domain = base_domain.split(':').next()?;
    host.strip_suffix(base_domain)?.strip_suffix('.').filter(|slug| domain::text::is_slug(slug))
}

async fn by_name(deps: &Deps, name: &str) -> Result<Option<StoreRef>, Problem> {
    let now = deps.now();
    if let Some(store) = deps.claims.get(name, now) {
        return Ok(Some(store));
    }
    if !domain::text::is_slug(name) && name.parse::<domain::StoreId>().is_err() {
        return Ok(None);
    }
    let claim = deps.db.get::<StoreClaim>(&keys::store_claim(name)).await?;
    let store = claim.map(|claim| StoreRef {
        tenant_id: claim.value.tenant_id,
        store_id: claim.value.store_id,
        status: claim.value.status,
    });
    if let Some(store) = store {
        deps.claims.put(name.to_owned(), now, store);
    }
    Ok(store)
}

async fn only_store(deps: &Deps, tenant: TenantId) -> Result<StoreRef, Problem> {
    let list = keys::stores(tenant);
    let (stores, _) = deps.db.list::<domain::store::Store>(&list, store::SortOrder::Ascending, 2, None).await?;
    match stores.as_slice() {
        [only] => Ok(StoreRef { tenant_id: tenant, store_id: only.value.id, status: only.value.status }),
        [] => Err(Problem::new(&problems::STORE_NOT_FOUND, "this tenant has no store yet")),
        _ => Err(Problem::new(&problems::STORE_MISSING, "this tenant has several stores: say which with X-Store")),
    }
}
