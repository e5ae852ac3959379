//! The typed request that a handler receives, and committing its transaction with its reply.

use contracts::{Endpoint, problems};
use domain::{TenantId, Timestamp};
use serde_json::Value;
use sha2::{Digest, Sha256};
use store::{CommitError, Key, Op, Refused, StoredAnswer, Tx, keys};

use crate::{
    auth::Principal,
    claims::StoreRef,
    deps::Deps,
    events::Cause,
    http::{Problem, RawReply, RawRequest, Reply},
    retry::Try,
};

/// A checked request: the caller has the required permission, and path, query and body are parsed and valid.
pub struct Call<E: Endpoint> {
    /// The caller; `None` without an access token.
    pub principal: Option<Principal>,
    /// The store that the request is about; `None` if the endpoint needs none and the request names none.
    pub store: Option<StoreRef>,
    /// The parsed path parameters.
    pub path: E::Path,
    /// The parsed query.
    pub query: E::Query,
    /// The parsed body, with all rules checked.
    pub body: E::Body,
    /// The cause that events of this request carry.
    pub cause: Cause,
    pub(crate) idempotency: Option<IdempotencyKey>,
    pub(crate) if_match: Option<u64>,
    /// The request as it arrived, for handlers that read headers or the raw body.
    pub raw: RawRequest,
}

/// How a request's transaction ended.
#[derive(Debug)]
pub enum Committed<E> {
    /// The transaction was committed, now or by an earlier request with the same idempotency key. This is the answer.
    Done(Reply<E>),
    /// A condition did not hold. Nothing was written.
    Refused(Refused),
}

impl<E: Endpoint> Call<E> {
    /// The caller. Always present if the endpoint needs a permission.
    ///
    /// # Errors
    /// 401 `unauthorized` if there is no access token.
    pub fn principal(&self) -> Result<&Principal, Problem> {
        self.principal.as_ref().ok_or_else(Problem::unauthorized)
    }

    /// The tenant that the token was issued for.
    ///
    /// # Errors
    /// 401 `unauthorized` if there is no access token, 403 `no_tenant` if it was issued without a tenant.
    pub fn tenant(&self) -> Result<TenantId, Problem> {
        self.principal()?.tenant_id.ok_or_else(|| {
            Problem::new(&problems::NO_TENANT, "this token is for no tenant; choose one with POST /auth/switch-tenant")
        })
    }

    /// The store that the request is about. Always present if the endpoint's row requires a store.
    ///
    /// # Errors
    /// 404 `not_found` if the request names no store.
    pub fn store(&self) -> Result<StoreRef, Problem> {
        self.store.ok_or_else(Problem::not_found)
    }

    /// Checks the version in `If-Match`, if the request has one.
    ///
    /// # Errors
    /// 412 `version_mismatch` if it is not `version`.
    pub fn expect_version(&self, version: u64) -> Result<(), Problem> {
        match self.if_match {
            Some(wanted) if wanted != version => {
                Err(Problem::new(&problems::VERSION_MISMATCH, format!("it is at version {version}, not {wanted}")))
            }
            _ => Ok(()),
        }
    }

    /// Commits the request's effect together with its response, so that a repeated request has no second effect and
    /// gets the same response.
    ///
    /// # Errors
    /// 409 `busy`, 422 `idempotency_key_reused`, or 500 and 503 if the database fails. Refused conditions are not an
    /// error but [`Committed::Refused`].
    pub async fn commit(&self, deps: &Deps, tx: Tx, reply: Reply<E>) -> Result<Committed<E>, Problem> {
        commit(deps, self.idempotency.as_ref(), tx, reply).await
    }
}

async fn commit<E: Endpoint>(
    deps: &Deps,
    key: Option<&IdempotencyKey>,
    mut tx: Tx,
    reply: Reply<E>,
) -> Result<Committed<E>, Problem> {
    let record = key.map(|key| (key, key.record(&mut tx, reply.as_raw(), deps.now())));
    match deps.db.commit(tx).await {
        Ok(()) => Ok(Committed::Done(reply.stored())),
        Err(CommitError::Refused(refused)) => {
            if let Some((key, op)) = record
                && refused.contains(op)
            {
                return match refused.found::<StoredAnswer>(op)? {
                    Some(stored) => key.replay(stored.value, deps.now()).unwrap_or_else(|| Err(Problem::busy())),
                    None => Err(Problem::busy()),
                }
                .map(|raw| Committed::Done(Reply::from_raw(raw).stored()));
            }
            Ok(Committed::Refused(refused))
        }
        Err(CommitError::Busy) => Err(Problem::busy()),
        Err(CommitError::Store(error)) => Err(error.into()),
    }
}

/// Stores the reply to a request with a key that changed nothing, so that its key counts as used too. A reply that was
/// stored with its change is left alone.
pub(crate) async fn remembered<E: Endpoint>(
    deps: &Deps,
    key: Option<&IdempotencyKey>,
    reply: Reply<E>,
) -> Result<Reply<E>, Problem> {
    let Some(key) = key.filter(|_| !reply.is_stored()) else { return Ok(reply) };
    commit(deps, Some(key), deps.tx(), reply).await?.or_changed()
}

impl<E> From<Committed<E>> for Try<Reply<E>> {
    /// For a transaction that is retried when its conditions did not hold.
    fn from(committed: Committed<E>) -> Self {
        match committed {
            Committed::Done(reply) => Self::Done(reply),
            Committed::Refused(_) => Self::Lost,
        }
    }
}

impl<E> Committed<E> {
    /// Use it when every condition is a version check: a refusal means a concurrent update.
    ///
    /// # Errors
    /// 409 `changed` if the transaction was refused.
    pub fn or_changed(self) -> Result<Reply<E>, Problem> {
        match self {
            Self::Done(reply) => Ok(reply),
            Self::Refused(refused) => Err(CommitError::Refused(refused).into()),
        }
    }
}

pub(crate) fn parse_if_match(header: &str) -> Result<u64, Problem> {
    let version = header.trim().strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    version.and_then(|version| version.parse().ok()).ok_or_else(|| {
        Problem::new(&problems::INVALID_IF_MATCH, "If-Match: expected one entity tag, like \"3\", as given in ETag")
    })
}

/// A client's idempotency key, with its scope (tenant, caller, function) and the fingerprint of its request.
#[derive(Debug, Clone)]
pub(crate) struct IdempotencyKey {
    tenant_id: Option<TenantId>,
    principal: String,
    function: &'static str,
    key: String,
    fingerprint: String,
}

impl IdempotencyKey {
    /// The fingerprint covers everything that decides what the request does, and nothing else. It contains the store's
    /// id and the body's JSON without spaces and with sorted fields, so another name of the same store or another
    /// spelling of the same body gives the same fingerprint.
    pub(crate) fn new(
        function: &'static str,
        key: &str,
        raw: &RawRequest,
        body: &Value,
        principal: Option<&Principal>,
        store: Option<StoreRef>,
    ) -> Self {
        let mut hasher = Sha256::new();
        let store = store.map(|store| store.store_id.to_string()).unwrap_or_default();
        let if_match = raw.header("if-match").unwrap_or_default();
        let body = body.to_string();
        for part in [&raw.path, &raw.query, &store, if_match, &body] {
            hasher.update((part.len() as u64).to_be_bytes());
            hasher.update(part);
        }
        Self {
            tenant_id: principal.and_then(|principal| principal.tenant_id),
            principal: principal.map_or_else(|| raw.source_ip.clone(), |principal| principal.account_id.to_string()),
            function,
            key: key.to_owned(),
            fingerprint: domain::text::hex(&hasher.finalize()),
        }
    }

    pub(crate) fn key(&self) -> Key {
        keys::idempotency(self.tenant_id, &self.principal, self.function, &self.key)
    }

    /// The stored answer, or the problem that the key was used for another request. `None` when it has expired.
    pub(crate) fn replay(&self, stored: StoredAnswer, now: Timestamp) -> Option<Result<RawReply, Problem>> {
        if now >= domain::time::after(stored.at, domain::limits::IDEMPOTENCY_TTL_S) {
            return None;
        }
        if stored.fingerprint != self.fingerprint {
            let detail = "this Idempotency-Key was used for another request; take a new one";
            return Some(Err(Problem::new(&problems::IDEMPOTENCY_KEY_REUSED, detail)));
        }
        let reply = RawReply::new(stored.status, "application/json", stored.body.into_bytes());
        let reply = match stored.etag {
            Some(etag) => reply.with_header("etag", etag),
            None => reply,
        };
        Some(Ok(reply.with_header("idempotent-replayed", "true".to_owned())))
    }

    fn record(&self, tx: &mut Tx, reply: &RawReply, now: Timestamp) -> Op {
        let answer = StoredAnswer {
            tenant_id: self.tenant_id,
            principal: self.principal.clone(),
            function: self.function.to_owned(),
            key: self.key.clone(),
            fingerprint: self.fingerprint.clone(),
            status: reply.status,
            etag: reply.header("etag").map(str::to_owned),
            body: String::from_utf8_lossy(&reply.body).into_owned(),
            at: now,
        };
        tx.create_unless_live(&answer, now)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use domain::{StoreId, store::StoreStatus};
    use ulid::Ulid;

    use super::*;

    fn raw() -> RawRequest {
        RawRequest { path: "/orders".into(), ..RawRequest::default() }
    }

    fn with_header(name: &str, value: &str) -> RawRequest {
        RawRequest { headers: HashMap::from([(name.to_owned(), value.to_owned())]), ..raw() }
    }

    fn fingerprint(raw: &RawRequest, body: &str, store: Option<u128>) -> String {
        let store = store.map(|store| StoreRef {
            tenant_id: TenantId::from_ulid(Ulid(1)),
            store_id: StoreId::from_ulid(Ulid(store)),
            status: StoreStatus::Active,
        });
        let body = serde_json::from_str(body).unwrap();
        IdempotencyKey::new("orders-place", "key", raw, &body, None, store).fingerprint
    }

    #[test]
    fn everything_that_decides_what_a_request_does_is_in_its_fingerprint() {
        let different = [
            fingerprint(&raw(), "{}", None),
            fingerprint(&raw(), "{}", Some(1)),
            fingerprint(&raw(), "{}", Some(2)),
            fingerprint(&RawRequest { path: "/orders/1".into(), ..raw() }, "{}", None),
            fingerprint(&RawRequest { query: "a=1".into(), ..raw() }, "{}", None),
            fingerprint(&RawRequest { query: "a=2".into(), ..raw() }, "{}", None),
            fingerprint(&raw(), r#"{"a": 1}"#, None),
            fingerprint(&raw(), r#"{"a": "1"}"#, None),
            fingerprint(&raw(), r#"{"a": [1, 2]}"#, None),
            fingerprint(&raw(), r#"{"a": [2, 1]}"#, None),
            fingerprint(&with_header("if-match", "\"1\""), "{}", None),
            fingerprint(&with_header("if-match", "\"2\""), "{}", None),
        ];
        let mut distinct = different.to_vec();
        distinct.sort_unstable();
        distinct.dedup();
        assert_eq!(distinct.len(), different.len());
    }

    #[test]
    fn how_the_store_is_named_and_who_asks_with_what_are_not() {
        let by_host = with_header("host", "ada-books.shops.example");
        for same in [with_header("x-store", "ada-books"), by_host, with_header("user-agent", "curl"), raw()] {
            assert_eq!(fingerprint(&same, "{}", Some(1)), fingerprint(&raw(), "{}", Some(1)));
        }
    }

    #[test]
    fn nor_is_how_the_body_is_written() {
        let body = r#"{"a": {"c": [1, true, null], "b": "\u00e9/"}, "d": 2}"#;
        let without_spaces = r#"{"d":2,"a":{"b":"é\/","c":[1,true,null]}}"#;
        let with_many = "{ \"d\" : 2,\n\"a\":{\"c\":[1,true ,null],\"b\":\"é/\"}}";
        for same in [without_spaces, with_many] {
            assert_eq!(fingerprint(&raw(), same, None), fingerprint(&raw(), body, None), "{same}");
        }
    }
}
