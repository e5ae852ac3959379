//! Signed tokens: access tokens (ES256 JWTs, RFC 9068 profile), valid for four minutes, for at most one tenant; and the
//! refresh tokens of guests, of whom no session is stored. The caller passes keys, time and ids: nothing here does I/O.

mod verify;

pub use verify::verify;

use std::collections::HashMap;

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use contracts::auth::PublicKey;
use domain::{
    AccountId, Role, SessionId, TenantId, Timestamp,
    limits::{ACCESS_TOKEN_TTL_S, GUEST_TTL_S},
};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What a token is for. One kind is never accepted in place of another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Calling the API.
    Access,
    /// Getting a guest's next tokens.
    GuestRefresh,
}

impl Kind {
    /// The header `typ` of the token.
    const fn typ(self) -> &'static str {
        match self {
            Self::Access => "at+jwt",
            Self::GuestRefresh => "guest-refresh+jwt",
        }
    }

    const fn lifetime_s(self) -> i64 {
        match self {
            Self::Access => ACCESS_TOKEN_TTL_S,
            Self::GuestRefresh => GUEST_TTL_S,
        }
    }
}

/// The bearer of a verified token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// The tenant that the token is for; `None` for a person who belongs to no tenant.
    pub tenant_id: Option<TenantId>,
    /// The account, or a guest's id.
    pub account_id: AccountId,
    /// The role in that tenant.
    pub role: Role,
    /// The session that the token was issued in.
    pub session_id: SessionId,
}

impl Principal {
    /// The context that the authorizer passes to functions: `account`, `role`, `session`, and `tenant` if there is
    /// one.
    pub fn to_context(&self) -> HashMap<String, Value> {
        let mut context = HashMap::from([
            ("account".to_owned(), Value::from(self.account_id.to_string())),
            ("role".to_owned(), Value::from(self.role.name())),
            ("session".to_owned(), Value::from(self.session_id.to_string())),
        ]);
        if let Some(tenant) = self.tenant_id {
            context.insert("tenant".to_owned(), Value::from(tenant.to_string()));
        }
        context
    }

    /// The reverse of [`Principal::to_context`]. `None` if a field is missing or malformed, as on routes without an
    /// authorizer.
    pub fn from_context(context: &HashMap<String, Value>) -> Option<Self> {
        let text = |name: &str| context.get(name).and_then(Value::as_str);
        let tenant_id = match text("tenant") {
            Some(tenant) => Some(tenant.parse().ok()?),
            None => None,
        };
        Some(Self {
            tenant_id,
            account_id: text("account")?.parse().ok()?,
            role: Role::parse(text("role")?)?,
            session_id: text("session")?.parse().ok()?,
        })
    }
}

/// The public keys that verify tokens. `next` is published before it is used to sign; `previous` stays until its last
/// token has expired: 30 days, for the refresh tokens of guests.
#[derive(Clone, Deserialize)]
pub struct TokenKeys {
    /// The key that signs now.
    pub current: TokenKey,
    /// The key that signs after the next rotation.
    #[serde(default)]
    pub next: Option<TokenKey>,
    /// The key that signed before the last rotation.
    #[serde(default)]
    pub previous: Option<TokenKey>,
}

/// A public key that verifies tokens.
#[derive(Clone, Deserialize)]
pub struct TokenKey {
    /// The key's id; tokens name it in `kid`.
    pub kid: String,
    /// A SubjectPublicKeyInfo in PEM.
    pub public_pem: String,
}

/// The private key that signs tokens. It has its own secret, so that functions which only verify cannot sign.
#[derive(Clone, Deserialize)]
pub struct SigningKey {
    /// The key's id; tokens name it in `kid`.
    pub kid: String,
    /// A PKCS #8 key in PEM.
    pub private_pem: String,
}

impl TokenKeys {
    /// The current key, then the next and the previous one where they exist.
    pub fn all(&self) -> impl Iterator<Item = &TokenKey> {
        std::iter::once(&self.current).chain(&self.next).chain(&self.previous)
    }
}

impl TokenKey {
    /// The public key as a JWK; `None` if it is not a P-256 key.
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

/// Why a token was not accepted.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The token is not valid. The reason is for logs, not for the caller.
    #[error("invalid token: {0}")]
    Invalid(&'static str),
    /// The token is valid but for its age.
    #[error("expired token")]
    Expired,
    /// A configured key is malformed: a fault on the server's side, not an invalid token.
    #[error(transparent)]
    Key(#[from] UnusableKey),
}

/// A configured key is malformed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a key cannot be used")]
pub struct UnusableKey;

/// Signs a token for a principal. `issuer` is also the audience; `id` becomes `jti` and must be unique.
///
/// # Errors
/// [`UnusableKey`] if `key` is not a P-256 private key.
pub fn sign(
    key: &SigningKey,
    kind: Kind,
    principal: &Principal,
    issuer: &str,
    id: String,
    now: Timestamp,
) -> Result<String, UnusableKey> {
    let now = now.as_second();
    let claims = Claims {
        iss: issuer.to_owned(),
        aud: issuer.to_owned(),
        sub: principal.account_id,
        tid: principal.tenant_id,
        role: principal.role,
        sid: principal.session_id,
        jti: id,
        iat: now,
        exp: now + kind.lifetime_s(),
    };
    let mut header = Header::new(Algorithm::ES256);
    header.typ = Some(kind.typ().to_owned());
    header.kid = Some(key.kid.clone());
    let key = EncodingKey::from_ec_pem(key.private_pem.as_bytes()).map_err(|_| UnusableKey)?;
    jsonwebtoken::encode(&header, &claims, &key).map_err(|_| UnusableKey)
}

#[cfg(test)]
mod tests {
    use domain::Timestamp;
    use jsonwebtoken::{DecodingKey, Validation};
    use serde_json::{Value, json};
    use ulid::Ulid;

    use super::*;

    const PRIVATE: &str = include_str!("../../testing/src/test_private.pem");
    const PUBLIC: &str = include_str!("../../testing/src/test_public.pem");
    const OTHER_PRIVATE: &str = include_str!("test_other_private.pem");
    const OTHER_PUBLIC: &str = include_str!("test_other_public.pem");
    const URL: &str = "https://api.example.com";
    const NOW_S: i64 = 1_767_225_600;

    /// Both halves of a key; each secret reads its own.
    fn key(kid: &str, private: &str, public: &str) -> Value {
        json!({ "kid": kid, "private_pem": private, "public_pem": public })
    }

    /// What both secrets hold, and the time.
    struct World {
        keys: TokenKeys,
        signing: SigningKey,
        now: Timestamp,
    }

    /// These keys in the secrets, at a time.
    fn world(keys: &Value, now_s: i64) -> World {
        World {
            keys: serde_json::from_value(keys.clone()).unwrap(),
            signing: serde_json::from_value(keys["current"].clone()).unwrap(),
            now: Timestamp::from_second(now_s).unwrap(),
        }
    }

    fn issue(world: &World, principal: &Principal) -> Result<String, UnusableKey> {
        sign(&world.signing, Kind::Access, principal, URL, "jti".into(), world.now)
    }

    fn verify(world: &World, token: &str) -> Result<Principal, TokenError> {
        super::verify(&world.keys, Kind::Access, token, URL, world.now)
    }

    fn usual() -> World {
        world(&json!({ "current": key("one", PRIVATE, PUBLIC) }), NOW_S)
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
            "sid": owner().session_id, "jti": "x", "iat": NOW_S, "exp": NOW_S + 240,
        })
    }

    fn header() -> Header {
        Header { typ: Some("at+jwt".into()), kid: Some("one".into()), ..Header::new(Algorithm::ES256) }
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

    fn is_refused(token: &str) -> bool {
        matches!(verify(&usual(), token), Err(TokenError::Invalid(_)))
    }

    /// These very texts, with our own key.
    fn signed_texts(header: &str, claims: &str) -> String {
        let text = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
        signed_text(&text)
    }

    fn signed_text(text: &str) -> String {
        let key = EncodingKey::from_ec_pem(PRIVATE.as_bytes()).unwrap();
        let signature = jsonwebtoken::crypto::sign(text.as_bytes(), &key, Algorithm::ES256).unwrap();
        format!("{text}.{signature}")
    }

    const HEADER: &str = r#"{"alg":"ES256","typ":"at+jwt","kid":"one"}"#;

    fn encoded(json: &Value) -> String {
        URL_SAFE_NO_PAD.encode(json.to_string())
    }

    #[test]
    fn what_is_issued_verifies() {
        let token = issue(&usual(), &owner()).unwrap();
        assert_eq!(verify(&usual(), &token).unwrap(), owner());
        let none = Principal { tenant_id: None, role: Role::Customer, ..owner() };
        let token = issue(&usual(), &none).unwrap();
        assert_eq!(verify(&usual(), &token).unwrap(), none);
        // What the tests below change one thing in.
        assert_eq!(verify(&usual(), &with(&header(), &json!({}))).unwrap(), owner());
    }

    #[test]
    fn it_outlives_its_session_by_five_minutes_at_most() {
        const { assert!(ACCESS_TOKEN_TTL_S + domain::limits::AUTHORIZER_CACHE_S <= 300) };
        let token = issue(&usual(), &owner()).unwrap();
        let at = |now_s| world(&json!({ "current": key("one", PRIVATE, PUBLIC) }), now_s);
        assert!(verify(&at(NOW_S + 239), &token).is_ok());
        assert!(matches!(verify(&at(NOW_S + 240), &token), Err(TokenError::Expired)));
        assert!(verify(&at(NOW_S - 60), &token).is_ok());
        assert!(matches!(verify(&at(NOW_S - 61), &token), Err(TokenError::Invalid(_))));
    }

    #[test]
    fn one_kind_is_never_taken_for_another() {
        let (world, access) = (usual(), issue(&usual(), &owner()).unwrap());
        let guest = sign(&world.signing, Kind::GuestRefresh, &owner(), URL, "jti".into(), world.now).unwrap();
        assert!(is_refused(&guest));
        let verify_guest = |token: &str, now_s| {
            let now = Timestamp::from_second(now_s).unwrap();
            super::verify(&world.keys, Kind::GuestRefresh, token, URL, now)
        };
        assert!(matches!(verify_guest(&access, NOW_S), Err(TokenError::Invalid(_))));
        assert_eq!(verify_guest(&guest, NOW_S + GUEST_TTL_S - 1).unwrap(), owner());
        assert!(matches!(verify_guest(&guest, NOW_S + GUEST_TTL_S), Err(TokenError::Expired)));
    }

    #[test]
    fn claims_of_others_are_refused() {
        for changed in [
            json!({ "iss": "https://evil.example.com" }),
            json!({ "aud": "https://evil.example.com" }),
            json!({ "aud": ["https://evil.example.com", URL] }),
            json!({ "role": "emperor" }),
            json!({ "tid": "T#x" }),
            json!({ "sub": "ten_00000000000000000000000001" }),
        ] {
            assert!(is_refused(&with(&header(), &changed)), "{changed}");
        }
        for missing in ["iss", "aud", "exp", "sub", "sid", "role"] {
            let mut claims = claims();
            claims.as_object_mut().unwrap().remove(missing);
            assert!(is_refused(&signed(&header(), &claims, PRIVATE)), "{missing}");
        }
    }

    #[test]
    fn another_algorithm_or_type_is_refused() {
        let payload = encoded(&claims());
        let none = encoded(&json!({ "alg": "none", "typ": "at+jwt", "kid": "one" }));
        assert!(is_refused(&format!("{none}.{payload}.")));
        // The public key as the secret of a symmetric algorithm.
        let hs256 = Header { typ: Some("at+jwt".into()), kid: Some("one".into()), ..Header::new(Algorithm::HS256) };
        let secret = EncodingKey::from_secret(PUBLIC.as_bytes());
        assert!(is_refused(&jsonwebtoken::encode(&hs256, &claims(), &secret).unwrap()));
        for typ in [None, Some("JWT".to_owned())] {
            assert!(is_refused(&with(&Header { typ, ..header() }, &json!({}))));
        }
    }

    #[test]
    fn keys_that_are_not_ours_are_refused() {
        for kid in [None, Some("three".to_owned()), Some(String::new())] {
            assert!(is_refused(&with(&Header { kid, ..header() }, &json!({}))));
        }
        assert!(is_refused(&signed(&header(), &claims(), OTHER_PRIVATE)));
        for garbage in ["", "x", "a.b.c", "..", "e30.e30.e30"] {
            assert!(is_refused(garbage), "{garbage}");
        }
        let (head, signature) =
            with(&header(), &json!({})).rsplit_once('.').map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
        let other = with(&header(), &json!({ "jti": "y" })).rsplit_once('.').unwrap().1.to_owned();
        assert!(is_refused(&format!("{head}.{other}")) && is_refused(&format!("{head}.")));
        assert!(!is_refused(&format!("{head}.{signature}")));
    }

    #[test]
    fn keys_and_addresses_in_the_header_are_not_looked_at() {
        let attackers: Value = {
            let key = TokenKey { kid: "one".into(), public_pem: OTHER_PUBLIC.into() };
            serde_json::to_value(key.public_jwk().unwrap()).unwrap()
        };
        let jwk = Some(serde_json::from_value(attackers).unwrap());
        let url = Some("https://evil.example.com/jwks.json".to_owned());
        let header = Header { jwk, jku: url.clone(), x5u: url, ..header() };
        assert!(is_refused(&signed(&header, &claims(), OTHER_PRIVATE)));
        assert_eq!(verify(&usual(), &with(&header, &json!({}))).unwrap(), owner());
    }

    /// An attacker cannot make these; our own mistakes, or those of whoever gets hold of the key's use, can.
    #[test]
    fn what_our_own_key_signed_and_we_would_not_issue_is_refused() {
        let good = claims().to_string();
        assert_eq!(verify(&usual(), &signed_texts(HEADER, &good)).unwrap(), owner());

        let header = |members: &str| format!(r#"{{"alg":"ES256","typ":"at+jwt","kid":"one"{members}}}"#);
        let headers = [
            header(r#","crit":["exp"],"exp":1"#),
            header(r#","crit":["b64"],"b64":false"#),
            header(r#","crit":[]"#),
            header(r#","crit":null"#),
            header(r#","alg":"ES256""#),
            header(r#","alg":"none""#),
            header(r#","kid":"one""#),
            header(r#","x":1,"x":1"#),
            header(r#","\u006bid":"one""#),
            header("} {"),
            HEADER.replace("ES256", "none"),
            HEADER.replace("ES256", "es256"),
            HEADER.replace("ES256", "ES384"),
            HEADER.replace("ES256", "RS256"),
            HEADER.replace("ES256", "HS256"),
            HEADER.replace(r#""ES256""#, r#"["ES256"]"#),
            HEADER.replace(r#""alg":"ES256","#, ""),
            HEADER.replace("at+jwt", "JWT"),
            HEADER.replace("at+jwt", "at+jwt "),
            HEADER.replace(r#""typ":"at+jwt","#, ""),
            HEADER.replace(r#""one""#, r#""two""#),
            HEADER.replace(r#""one""#, "null"),
            HEADER.replace(r#","kid":"one""#, ""),
            format!("[{HEADER}]"),
            "null".to_owned(),
            String::new(),
        ];
        for header in headers {
            assert!(is_refused(&signed_texts(&header, &good)), "{header}");
        }

        let mut claims = vec![
            good.replace('}', r#","iss":"https://api.example.com"}"#),
            good.replace('}', r#","exp":99999999999}"#),
            good.replace('}', r#","other":1,"other":1}"#),
            good.replace('}', r#","\u0065xp":99999999999}"#),
            format!("[{good}]"),
            format!("{good}{good}"),
            String::new(),
        ];
        let changes = [
            ("iss", vec![json!("https://api.example.com/"), json!([URL]), json!(null), json!("")]),
            ("aud", vec![json!("https://other.example.com"), json!([URL]), json!([URL, "x"]), json!(null), json!([])]),
            ("sub", vec![json!(""), json!(5), json!(null), json!("acc_0")]),
            ("sid", vec![json!(""), json!(owner().account_id), json!(null)]),
            ("tid", vec![json!(""), json!(5), json!("acc_00000000000000000000000001")]),
            ("role", vec![json!("Owner"), json!(["owner"]), json!(null), json!({ "owner": null })]),
            ("jti", vec![json!(""), json!(5), json!(null)]),
            (
                "exp",
                vec![
                    json!(NOW_S.to_string()),
                    json!(0.5),
                    json!(1e300),
                    json!(i64::MAX),
                    json!(i64::MIN),
                    json!(u64::MAX),
                    json!(null),
                    json!(NOW_S),
                    json!(NOW_S - 1),
                    json!(NOW_S + 901),
                    json!((NOW_S + 900) * 1_000),
                ],
            ),
            (
                "iat",
                vec![
                    json!(NOW_S.to_string()),
                    json!(null),
                    json!(-1),
                    json!(i64::MIN),
                    json!(i64::MAX),
                    json!(0),
                    json!(NOW_S + 61),
                    json!(NOW_S * 1_000),
                ],
            ),
            ("nbf", vec![json!(NOW_S + 61), json!(i64::MAX), json!("1"), json!(1.5), json!(null), json!([])]),
        ];
        for (name, values) in changes {
            for value in values {
                let mut changed: Value = serde_json::from_str(&good).unwrap();
                changed[name] = value;
                claims.push(changed.to_string());
            }
            let mut without: Value = serde_json::from_str(&good).unwrap();
            if !["nbf", "tid"].contains(&name) {
                without.as_object_mut().unwrap().remove(name);
                claims.push(without.to_string());
            }
        }
        for claims in claims {
            assert!(is_refused(&signed_texts(HEADER, &claims)), "{claims}");
        }
    }

    #[test]
    fn a_token_has_one_spelling() {
        let text = format!("{}.{}", URL_SAFE_NO_PAD.encode(HEADER), URL_SAFE_NO_PAD.encode(claims().to_string()));
        let token = signed_text(&text);
        assert!(!is_refused(&token));
        let (head, rest) = text.split_once('.').unwrap();
        // The last character of a part that is no multiple of three bytes has bits that say nothing.
        let stray = |part: &str| {
            let last = part.chars().last().unwrap();
            let next = char::from(u8::try_from(last).unwrap() + 1);
            format!("{}{next}", &part[..part.len() - 1])
        };
        let uneven = URL_SAFE_NO_PAD.encode(format!("{HEADER} "));
        assert!(!is_refused(&signed_text(&format!("{uneven}.{rest}"))));
        let texts = [
            format!("{head}=.{rest}"),
            format!("{head}.{rest}="),
            format!("{head} .{rest}"),
            format!("{head}\n.{rest}"),
            format!("{}.{rest}", stray(&uneven)),
            format!("{}.{rest}", STANDARD.encode(format!("{HEADER}  "))),
            format!("{head}.{rest}.{rest}"),
            format!("{HEADER}.{rest}"),
            format!("{head}."),
            format!(".{rest}"),
        ];
        for text in texts {
            assert!(is_refused(&signed_text(&text)), "{text}");
        }
        for token in
            [format!("{token}="), format!("{token} "), format!(" {token}"), stray(&token), token.replace('.', "..")]
        {
            assert!(is_refused(&token), "{token}");
        }
    }

    #[test]
    fn its_size_is_bounded() {
        let mut long = claims();
        long["x"] = "y".repeat(4_096).into();
        assert!(is_refused(&signed_texts(HEADER, &long.to_string())));
        long["x"] = "y".repeat(2_048).into();
        assert!(!is_refused(&signed_texts(HEADER, &long.to_string())));
        assert!(is_refused(&".".repeat(1_000_000)));
    }

    #[test]
    fn what_a_verifier_must_ignore_is_ignored() {
        let header = HEADER.replace('}', r#","x":{"y":1},"jku":"https://evil.example.com","b64":false}"#);
        let mut more = claims();
        more["nbf"] = NOW_S.into();
        more["scope"] = "anything".into();
        assert_eq!(verify(&usual(), &signed_texts(&header, &more.to_string())).unwrap(), owner());
    }

    #[test]
    fn next_and_previous_keys_verify() {
        let other = || key("two", OTHER_PRIVATE, OTHER_PUBLIC);
        let token = issue(&world(&json!({ "current": other() }), NOW_S), &owner()).unwrap();
        assert!(is_refused(&token));
        for place in ["next", "previous"] {
            let both = world(&json!({ "current": key("one", PRIVATE, PUBLIC), place: other() }), NOW_S);
            assert_eq!(verify(&both, &token).unwrap(), owner(), "{place}");
            assert!(verify(&both, &issue(&both, &owner()).unwrap()).is_ok());
        }
    }

    #[test]
    fn a_malformed_key_is_not_the_tokens_fault() {
        let token = issue(&usual(), &owner()).unwrap();
        let broken = world(&json!({ "current": key("one", "x", "x") }), NOW_S);
        assert!(matches!(verify(&broken, &token), Err(TokenError::Key(_))));
        assert!(issue(&broken, &owner()).is_err());
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

    #[test]
    fn passes_through_the_authorizers_context() {
        let principal = Principal {
            tenant_id: Some(TenantId::from_ulid(Ulid(1))),
            account_id: AccountId::from_ulid(Ulid(2)),
            role: Role::Owner,
            session_id: SessionId::from_ulid(Ulid(3)),
        };
        assert_eq!(Principal::from_context(&principal.to_context()), Some(principal.clone()));
        let mut forged = principal.to_context();
        forged.insert("tenant".into(), Value::from("T#"));
        assert_eq!(Principal::from_context(&forged), None);
    }
}
