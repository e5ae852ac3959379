//! Cursors: the position at which a list continues. A cursor is opaque to clients and carries a MAC that binds it to
//! the tenant, the store, the endpoint and the filters it was issued for.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use contracts::{Endpoint, http::Page, problems, row::Grant};
use domain::guard::{self, Rule};
use hmac::{Hmac, KeyInit, Mac};
use serde::Deserialize;
use sha2::Sha256;
use store::Position;

use crate::{
    deps::Deps,
    http::{Call, Problem},
};

#[derive(Deserialize)]
struct CursorKey {
    /// Hexadecimal digits. Their text is the key, not the decoded bytes: HMAC takes a key of any length.
    key: String,
}

const TAG_BYTES: usize = 32;

impl<E: Endpoint> Call<E> {
    /// Reads the position from a cursor of this list. `filters` is everything else that selects the list's items.
    ///
    /// # Errors
    /// 400 `invalid_cursor` if the cursor does not come from this list with these filters; 503 if the key cannot be read.
    pub async fn position(
        &self,
        deps: &Deps,
        cursor: Option<&str>,
        filters: &str,
    ) -> Result<Option<Position>, Problem> {
        let Some(cursor) = cursor else { return Ok(None) };
        let invalid = || Problem::new(&problems::INVALID_CURSOR, "cursor: take the next_cursor of this very list");
        let bytes = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| invalid())?;
        let (tag, position) = bytes.split_at_checked(TAG_BYTES).ok_or_else(invalid)?;
        let genuine = self.mac(deps, filters, position).await?.verify_slice(tag).is_ok();
        if !genuine && guard::stands(Rule::CursorSignature) {
            return Err(invalid());
        }
        serde_json::from_slice(position).map(Some).map_err(|_| invalid())
    }

    /// Makes a page, with the cursor of the next page if there is one.
    ///
    /// # Errors
    /// 503 if the key that authenticates cursors cannot be read.
    pub async fn page<T>(
        &self,
        deps: &Deps,
        items: Vec<T>,
        next: Option<Position>,
        filters: &str,
    ) -> Result<Page<T>, Problem> {
        let next_cursor = match next {
            None => None,
            Some(position) => {
                let position = serde_json::to_vec(&position).map_err(|error| Problem::internal(&error))?;
                let tag = self.mac(deps, filters, &position).await?.finalize().into_bytes();
                Some(URL_SAFE_NO_PAD.encode([&tag[..], &position].concat()))
            }
        };
        Ok(Page { items, next_cursor })
    }

    async fn mac(&self, deps: &Deps, filters: &str, position: &[u8]) -> Result<Hmac<Sha256>, Problem> {
        let key: CursorKey = deps.secret(Grant::CursorKey).await?;
        let mut mac = Hmac::<Sha256>::new_from_slice(key.key.as_bytes()).map_err(|error| Problem::internal(&error))?;
        let principal = self.principal.as_ref();
        let tenant = self.store.map(|store| store.tenant_id).or(principal.and_then(|principal| principal.tenant_id));
        let parts = [
            tenant.map(|tenant| tenant.to_string()).unwrap_or_default(),
            self.store.map(|store| store.store_id.to_string()).unwrap_or_default(),
            E::ROW.function.to_owned(),
            filters.to_owned(),
        ];
        for part in parts {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part.as_bytes());
        }
        mac.update(position);
        Ok(mac)
    }
}
