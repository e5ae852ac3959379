//! Access tokens: ES256 JWTs (RFC 9068 profile), 15 minutes, for at most one tenant.

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use contracts::{auth::PublicKey, row::Grant};
use domain::{AccountId, Role, SessionId, TenantId, Timestamp, limits::ACCESS_TOKEN_TTL_S};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};

use crate::{auth::Principal, deps::Deps, http::Problem, secrets::SecretError};

/// Clocks may differ by this much.
const LEEWAY_S: u64 = 60;
const TYPE: &str = "at+jwt";

/// The public halves of the keys that sign tokens. All verify: `next` is published before it signs, `previous` until
/// its last token has expired.
#[derive(Clone, Deserialize)]
pub struct TokenKeys {
    pub current: TokenKey,
    #[serde(default)]
    pub next: Option<TokenKey>,
    #[serde(default)]
    pub previous: Option<TokenKey>,
}

#[derive(Clone, Deserialize)]
pub struct TokenKey {
    pub kid: String,
    /// SubjectPublicKeyInfo.
    pub public_pem: String,
}

/// The private half of the key that signs, in a secret of its own: who only verifies must not be able to sign.
#[derive(Clone, Deserialize)]
pub struct SigningKey {
    pub kid: String,
    /// PKCS #8.
    pub private_pem: String,
}

impl TokenKeys {
    pub fn all(&self) -> impl Iterator<Item = &TokenKey> {
        std::iter::once(&self.current).chain(&self.next).chain(&self.previous)
    }
}

impl TokenKey {
    /// The public half as a JWK; `None` where it is no P-256 key.
    pub fn public_jwk(&self) -> Option<PublicKey> {
        // SubjectPublicKeyInfo of a P-256 key up to the point (RFC 5480), which is not compressed (0x04).
        const HEAD: &[u8] = b"\x30\x59\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07\x03\x42\x00\x04";
        const COORDINATE_BYTES: usize = 32;
        let base64: String = self.public_pem.lines().filter(|line| !line.starts_with("-----")).map(str::trim).collect();
        let der = STANDARD.decode(base64).ok()?;
        let point = der.strip_prefix(HEAD).filter(|point| point.len() == 2 * COORDINATE_BYTES)?;
        let (x, y) = point.split_at(COORDINATE_BYTES);
        Some(PublicKey {
            kty: "EC".to_owned(),
            crv: "P-256".to_owned(),
            x: URL_SAFE_NO_PAD.encode(x),
            y: URL_SAFE_NO_PAD.encode(y),
            kid: self.kid.clone(),
            alg: "ES256".to_owned(),
            r#use: "sig".to_owned(),
        })
    }
}

#[derive(Debug, Serialize, Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    sub: AccountId,
    tid: Option<TenantId>,
    role: Role,
    sid: SessionId,
    jti: String,
    iat: i64,
    exp: i64,
}

#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// Not a valid token; why is not told to whoever sent it.
    #[error("invalid token: {0}")]
    Invalid(String),
    #[error(transparent)]
    Secret(#[from] SecretError),
}

impl From<TokenError> for Problem {
    fn from(error: TokenError) -> Self {
        match error {
            TokenError::Invalid(_) => Self::unauthorized(),
            TokenError::Secret(error) => error.into(),
        }
    }
}

/// Signs an access token for a principal.
///
/// # Errors
/// [`SecretError`] if the signing key cannot be read or used.
pub async fn issue(deps: &Deps, principal: &Principal) -> Result<String, SecretError> {
    let signing: SigningKey = deps.secret(Grant::SigningKey).await?;
    let now = deps.now().as_second();
    let issuer = deps.config.public_base_url.clone();
    let claims = Claims {
        iss: issuer.clone(),
        aud: issuer,
        sub: principal.account_id,
        tid: principal.tenant_id,
        role: principal.role,
        sid: principal.session_id,
        jti: deps.id(|ulid| ulid).to_string(),
        iat: now,
        exp: now + ACCESS_TOKEN_TTL_S,
    };
    let mut header = Header::new(Algorithm::ES256);
    header.typ = Some(TYPE.to_owned());
    header.kid = Some(signing.kid);
    let unusable = |_| unusable(deps, Grant::SigningKey);
    let key = EncodingKey::from_ec_pem(signing.private_pem.as_bytes()).map_err(unusable)?;
    jsonwebtoken::encode(&header, &claims, &key).map_err(unusable)
}

/// Verifies an access token. Only one algorithm is accepted, and the key is one of the platform's, selected by its id;
/// URLs and keys in the token's header are ignored.
///
/// # Errors
/// [`TokenError`]: the token is invalid or expired, or the keys cannot be read.
pub async fn verify(deps: &Deps, token: &str) -> Result<Principal, TokenError> {
    let header = jsonwebtoken::decode_header(token).map_err(invalid)?;
    if header.alg != Algorithm::ES256 || header.typ.as_deref() != Some(TYPE) {
        return Err(TokenError::Invalid("another kind of token".into()));
    }
    let keys = keys(deps).await?;
    let kid = header.kid.unwrap_or_default();
    let key = keys.all().find(|key| key.kid == kid).ok_or_else(|| TokenError::Invalid("unknown key".into()))?;
    let mut validation = Validation::new(Algorithm::ES256);
    validation.set_issuer(&[&deps.config.public_base_url]);
    validation.set_audience(&[&deps.config.public_base_url]);
    validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
    // Expiry is checked below, against the clock in Deps.
    validation.validate_exp = false;
    let decoding = DecodingKey::from_ec_pem(key.public_pem.as_bytes()).map_err(|_| unusable(deps, Grant::TokenKeys))?;
    let claims = jsonwebtoken::decode::<Claims>(token, &decoding, &validation).map_err(invalid)?.claims;
    check_times(&claims, deps.now())?;
    Ok(Principal { tenant_id: claims.tid, account_id: claims.sub, role: claims.role, session_id: claims.sid })
}

/// The public keys that verify access tokens.
///
/// # Errors
/// [`SecretError`] if the keys cannot be read.
pub async fn keys(deps: &Deps) -> Result<TokenKeys, SecretError> {
    deps.secret(Grant::TokenKeys).await
}

/// A configured key is malformed: a fault on the server's side, not an invalid token.
fn unusable(deps: &Deps, grant: Grant) -> SecretError {
    SecretError::new(deps.config.secret(grant), "a key in it cannot be used")
}

fn check_times(claims: &Claims, now: Timestamp) -> Result<(), TokenError> {
    let leeway = i64::try_from(LEEWAY_S).unwrap_or(0);
    let now = now.as_second();
    if now >= claims.exp + leeway {
        return Err(TokenError::Invalid("expired".into()));
    }
    if claims.iat > now + leeway {
        return Err(TokenError::Invalid("from the future".into()));
    }
    Ok(())
}

fn invalid(error: jsonwebtoken::errors::Error) -> TokenError {
    TokenError::Invalid(error.to_string())
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    };

    use aws_smithy_runtime_api::client::behavior_version::BehaviorVersion;
    use domain::Timestamp;
    use serde_json::{Value, json};
    use ulid::Ulid;

    use super::*;
    use crate::{Boot, Clock, Config, deps::SystemEntropy};

    const PRIVATE: &str = include_str!("../../testing/src/test_private.pem");
    const PUBLIC: &str = include_str!("../../testing/src/test_public.pem");
    const OTHER_PRIVATE: &str = include_str!("test_other_private.pem");
    const OTHER_PUBLIC: &str = include_str!("test_other_public.pem");
    const URL: &str = "https://api.example.com";
    const NOW_S: i64 = 1_767_225_600;

    #[derive(Debug)]
    struct Set(AtomicI64);

    impl Clock for Set {
        fn now(&self) -> Timestamp {
            Timestamp::from_second(self.0.load(Ordering::SeqCst)).unwrap()
        }
    }

    /// Both halves of a key; each secret reads its own.
    fn key(kid: &str, private: &str, public: &str) -> Value {
        json!({ "kid": kid, "private_pem": private, "public_pem": public })
    }

    /// Dependencies with these keys in the secret, at a time.
    fn deps(keys: &Value, now_s: i64) -> Deps {
        let config = Config {
            public_base_url: URL.into(),
            token_keys_secret: "keys".into(),
            signing_key_secret: "key".into(),
            ..Config::default()
        };
        let sdk = aws_types::SdkConfig::builder().behavior_version(BehaviorVersion::latest()).build();
        let boot = Boot::over(config, sdk, Arc::new(Set(AtomicI64::new(now_s))), Arc::new(SystemEntropy));
        let secrets = boot.secrets.holding("keys", &keys.to_string()).holding("key", &keys["current"].to_string());
        Deps::new(&Boot { secrets, ..boot })
    }

    fn usual() -> Deps {
        deps(&json!({ "current": key("one", PRIVATE, PUBLIC) }), NOW_S)
    }

    fn owner() -> Principal {
        Principal {
            tenant_id: Some(TenantId::from_ulid(Ulid(1))),
            account_id: AccountId::from_ulid(Ulid(2)),
            role: Role::Owner,
            session_id: SessionId::from_ulid(Ulid(3)),
        }
    }

    fn claims() -> Value {
        json!({
            "iss": URL, "aud": URL, "sub": owner().account_id, "tid": owner().tenant_id, "role": "owner",
            "sid": owner().session_id, "jti": "x", "iat": NOW_S, "exp": NOW_S + 900,
        })
    }

    fn header() -> Header {
        Header { typ: Some(TYPE.into()), kid: Some("one".into()), ..Header::new(Algorithm::ES256) }
    }

    fn signed(header: &Header, claims: &Value, private_pem: &str) -> String {
        jsonwebtoken::encode(header, claims, &EncodingKey::from_ec_pem(private_pem.as_bytes()).unwrap()).unwrap()
    }

    /// With our own key, but for what a test changes.
    fn with(header: &Header, changed: &Value) -> String {
        let mut claims = claims();
        for (name, value) in changed.as_object().unwrap() {
            claims[name] = value.clone();
        }
        signed(header, &claims, PRIVATE)
    }

    async fn is_refused(token: &str) -> bool {
        matches!(verify(&usual(), token).await, Err(TokenError::Invalid(_)))
    }

    fn encoded(json: &Value) -> String {
        URL_SAFE_NO_PAD.encode(json.to_string())
    }

    #[tokio::test]
    async fn what_is_issued_verifies() {
        let token = issue(&usual(), &owner()).await.unwrap();
        assert_eq!(verify(&usual(), &token).await.unwrap(), owner());
        let none = Principal { tenant_id: None, role: Role::Customer, ..owner() };
        let token = issue(&usual(), &none).await.unwrap();
        assert_eq!(verify(&usual(), &token).await.unwrap(), none);
        // What the tests below change one thing in.
        assert_eq!(verify(&usual(), &with(&header(), &json!({}))).await.unwrap(), owner());
    }

    #[tokio::test]
    async fn it_lives_a_quarter_of_an_hour_and_the_leeway() {
        let token = issue(&usual(), &owner()).await.unwrap();
        let at = |now_s| deps(&json!({ "current": key("one", PRIVATE, PUBLIC) }), now_s);
        assert!(verify(&at(NOW_S + 959), &token).await.is_ok());
        assert!(matches!(verify(&at(NOW_S + 960), &token).await, Err(TokenError::Invalid(_))));
        assert!(verify(&at(NOW_S - 60), &token).await.is_ok());
        assert!(matches!(verify(&at(NOW_S - 61), &token).await, Err(TokenError::Invalid(_))));
    }

    #[tokio::test]
    async fn claims_of_others_are_refused() {
        for changed in [
            json!({ "iss": "https://evil.example.com" }),
            json!({ "aud": "https://evil.example.com" }),
            json!({ "aud": ["https://evil.example.com", URL] }),
            json!({ "role": "emperor" }),
            json!({ "tid": "T#x" }),
            json!({ "sub": "ten_00000000000000000000000001" }),
        ] {
            assert!(is_refused(&with(&header(), &changed)).await, "{changed}");
        }
        for missing in ["iss", "aud", "exp", "sub", "sid", "role"] {
            let mut claims = claims();
            claims.as_object_mut().unwrap().remove(missing);
            assert!(is_refused(&signed(&header(), &claims, PRIVATE)).await, "{missing}");
        }
    }

    #[tokio::test]
    async fn another_algorithm_or_type_is_refused() {
        let payload = encoded(&claims());
        let none = encoded(&json!({ "alg": "none", "typ": TYPE, "kid": "one" }));
        assert!(is_refused(&format!("{none}.{payload}.")).await);
        // The public key as the secret of a symmetric algorithm.
        let hs256 = Header { typ: Some(TYPE.into()), kid: Some("one".into()), ..Header::new(Algorithm::HS256) };
        let secret = EncodingKey::from_secret(PUBLIC.as_bytes());
        assert!(is_refused(&jsonwebtoken::encode(&hs256, &claims(), &secret).unwrap()).await);
        for typ in [None, Some("JWT".to_owned())] {
            assert!(is_refused(&with(&Header { typ, ..header() }, &json!({}))).await);
        }
    }

    #[tokio::test]
    async fn keys_that_are_not_ours_are_refused() {
        for kid in [None, Some("three".to_owned()), Some(String::new())] {
            assert!(is_refused(&with(&Header { kid, ..header() }, &json!({}))).await);
        }
        assert!(is_refused(&signed(&header(), &claims(), OTHER_PRIVATE)).await);
        for garbage in ["", "x", "a.b.c", "..", "e30.e30.e30"] {
            assert!(is_refused(garbage).await, "{garbage}");
        }
        let (head, signature) =
            with(&header(), &json!({})).rsplit_once('.').map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
        let other = with(&header(), &json!({ "jti": "y" })).rsplit_once('.').unwrap().1.to_owned();
        assert!(is_refused(&format!("{head}.{other}")).await && is_refused(&format!("{head}.")).await);
        assert!(!is_refused(&format!("{head}.{signature}")).await);
    }

    #[tokio::test]
    async fn keys_and_addresses_in_the_header_are_not_looked_at() {
        let attackers: Value = {
            let key = TokenKey { kid: "one".into(), public_pem: OTHER_PUBLIC.into() };
            serde_json::to_value(key.public_jwk().unwrap()).unwrap()
        };
        let jwk = Some(serde_json::from_value(attackers).unwrap());
        let url = Some("https://evil.example.com/jwks.json".to_owned());
        let header = Header { jwk, jku: url.clone(), x5u: url, ..header() };
        assert!(is_refused(&signed(&header, &claims(), OTHER_PRIVATE)).await);
        assert_eq!(verify(&usual(), &with(&header, &json!({}))).await.unwrap(), owner());
    }

    #[tokio::test]
    async fn next_and_previous_keys_verify() {
        let other = || key("two", OTHER_PRIVATE, OTHER_PUBLIC);
        let token = issue(&deps(&json!({ "current": other() }), NOW_S), &owner()).await.unwrap();
        assert!(is_refused(&token).await);
        for place in ["next", "previous"] {
            let both = deps(&json!({ "current": key("one", PRIVATE, PUBLIC), place: other() }), NOW_S);
            assert_eq!(verify(&both, &token).await.unwrap(), owner(), "{place}");
            assert!(verify(&both, &issue(&both, &owner()).await.unwrap()).await.is_ok());
        }
    }

    #[tokio::test]
    async fn a_secret_that_is_away_is_nobodys_fault() {
        let token = issue(&usual(), &owner()).await.unwrap();
        let broken = deps(&json!({ "current": key("one", "x", "x") }), NOW_S);
        assert!(matches!(verify(&broken, &token).await, Err(TokenError::Secret(_))));
        assert!(issue(&broken, &owner()).await.is_err());
        assert!(matches!(verify(&deps(&json!({}), NOW_S), &token).await, Err(TokenError::Secret(_))));
    }

    #[test]
    fn the_public_half_is_what_verifies() {
        let key = TokenKey { kid: "one".into(), public_pem: PUBLIC.into() };
        let jwk = key.public_jwk().unwrap();
        let text = serde_json::to_value(&jwk).unwrap();
        assert_eq!((&text["kty"], &text["crv"], &text["use"]), (&json!("EC"), &json!("P-256"), &json!("sig")));
        let token = signed(&header(), &claims(), PRIVATE);
        let mut validation = Validation::new(Algorithm::ES256);
        validation.set_audience(&[URL]);
        validation.validate_exp = false;
        let decoding = DecodingKey::from_ec_components(&jwk.x, &jwk.y).unwrap();
        assert!(jsonwebtoken::decode::<Value>(&token, &decoding, &validation).is_ok());
        assert_eq!(TokenKey { public_pem: PRIVATE.into(), ..key }.public_jwk(), None);
    }
}
