//! Verifying tokens: what RFC 7515 (JWS), 7519 (JWT), 8725 (best practices) and 9068 (access tokens) ask of a
//! verifier. Whatever our own [`sign`](crate::sign) would not have made is refused, also if our own key signed it.

use std::{collections::BTreeMap, fmt};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::Timestamp;
use jsonwebtoken::{Algorithm, DecodingKey, crypto};
use serde::{
    Deserialize, Deserializer,
    de::{self, MapAccess, Visitor},
};
use serde_json::Value;

use crate::{Claims, Kind, Principal, TokenError, TokenKeys, UnusableKey};

/// How far ahead the clock of the issuer may be, in seconds. Expiry has no such tolerance: it would lengthen the life of
/// every token.
const LEEWAY_S: i64 = 60;
/// Ours have about 600.
const BYTES_MAX: usize = 4 * 1024;
/// An ES256 signature: two numbers of 32 bytes (RFC 7518, section 3.4).
const SIGNATURE_BYTES: usize = 64;

/// Verifies a token of a kind. Only one algorithm is accepted, and the key is one of the platform's, selected by its id;
/// URLs and keys in the token's header are not looked at.
///
/// # Errors
/// [`TokenError`]: the token is invalid, it is valid but for its age, or its key is malformed.
pub fn verify(
    keys: &TokenKeys,
    kind: Kind,
    token: &str,
    issuer: &str,
    now: Timestamp,
) -> Result<Principal, TokenError> {
    const INVALID: fn(&'static str) -> TokenError = TokenError::Invalid;
    if token.len() > BYTES_MAX {
        return Err(INVALID("too long"));
    }
    let (signed, signature) = token.rsplit_once('.').ok_or(INVALID("no signature"))?;
    let (header, claims) = signed.split_once('.').ok_or(INVALID("no claims"))?;
    let header = decoded(header).ok_or(INVALID("the header is not an object in base64url"))?;
    let text = |name: &str| header.get(name).and_then(Value::as_str).unwrap_or_default();
    // "none" is another algorithm, too.
    if text("alg") != "ES256" || text("typ") != kind.typ() {
        return Err(INVALID("another kind of token"));
    }
    // It lists what a verifier must understand, and we understand no extension (RFC 7515, section 4.1.11).
    if header.contains_key("crit") {
        return Err(INVALID("an extension"));
    }
    let key = keys.all().find(|key| key.kid == text("kid")).ok_or(INVALID("unknown key"))?;
    let key = DecodingKey::from_ec_pem(key.public_pem.as_bytes()).map_err(|_| UnusableKey)?;
    let is_signature = URL_SAFE_NO_PAD.decode(signature).is_ok_and(|bytes| bytes.len() == SIGNATURE_BYTES);
    if !is_signature || !crypto::verify(signature, signed.as_bytes(), &key, Algorithm::ES256).unwrap_or(false) {
        return Err(INVALID("wrong signature"));
    }
    let claims = decoded(claims).ok_or(INVALID("the claims are not an object in base64url"))?;
    let not_before = claims.get("nbf").map(|time| time.as_i64().ok_or(INVALID("nbf is no time"))).transpose()?;
    // serde would also take `{"owner": null}`.
    if !claims.get("role").is_some_and(Value::is_string) {
        return Err(INVALID("the role is no text"));
    }
    let claims: Claims =
        serde_json::from_value(claims.into_iter().collect()).map_err(|_| INVALID("claims are missing or wrong"))?;
    if claims.iss != issuer || claims.aud != issuer || claims.jti.is_empty() {
        return Err(INVALID("not issued by us for us"));
    }
    check_times(&claims, kind, not_before, now.as_second())?;
    Ok(Principal { tenant_id: claims.tid, account_id: claims.sub, role: claims.role, session_id: claims.sid })
}

fn check_times(claims: &Claims, kind: Kind, not_before: Option<i64>, now: i64) -> Result<(), TokenError> {
    let lifetime_s = claims.exp.checked_sub(claims.iat);
    if claims.iat < 0 || !lifetime_s.is_some_and(|seconds| (1..=kind.lifetime_s()).contains(&seconds)) {
        return Err(TokenError::Invalid("lives too long"));
    }
    if claims.iat.max(not_before.unwrap_or(i64::MIN)) > now.saturating_add(LEEWAY_S) {
        return Err(TokenError::Invalid("from the future"));
    }
    if now >= claims.exp {
        return Err(TokenError::Expired);
    }
    Ok(())
}

/// A part of a token. base64url has one spelling of everything: without padding, white space and stray bits.
fn decoded(part: &str) -> Option<BTreeMap<String, Value>> {
    let bytes = URL_SAFE_NO_PAD.decode(part).ok()?;
    let object: Object = serde_json::from_slice(&bytes).ok()?;
    Some(object.0)
}

/// A JSON object whose members have different names (RFC 7515, section 4; RFC 7519, section 4).
struct Object(BTreeMap<String, Value>);

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;

        impl<'de> Visitor<'de> for Members {
            type Value = Object;

            fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Object, A::Error> {
                let mut object = BTreeMap::new();
                while let Some((name, value)) = members.next_entry::<String, Value>()? {
                    if object.insert(name, value).is_some() {
                        return Err(de::Error::custom("a member twice"));
                    }
                }
                Ok(Object(object))
            }
        }

        deserializer.deserialize_map(Members)
    }
}
