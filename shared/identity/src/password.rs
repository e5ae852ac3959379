//! Passwords and one-time secrets: how they are hashed and compared.

use std::cell::Cell;

use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// OWASP's recommended minimum for Argon2id: 19 MiB, two passes, one lane.
const MEMORY_KIB: u32 = 19_456;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// Argon2 rejected its input. It holds Argon2's message, not the password.
#[derive(Debug, thiserror::Error)]
#[error("the password could not be hashed: {0}")]
pub struct HashError(String);

thread_local! {
    static RUNS: Cell<u32> = const { Cell::new(0) };
}

/// How often this thread has hashed or verified a password since the last call of this function. Tests assert by it that
/// answers which must not differ in time cost the same.
pub fn take_runs() -> u32 {
    RUNS.take()
}

fn argon2() -> Argon2<'static> {
    RUNS.set(RUNS.get().wrapping_add(1));
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).unwrap_or_default();
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

/// The hash that an unknown account's password is checked against. It costs the same as a real hash and matches no
/// known password.
const DUMMY: &str = "$argon2id$v=19$m=19456,t=2,p=1$c2VsbGVhc2ktZHVtbXktcw$3Eo3m5qQXNXEzCkqxJwXw7q0cQOqJj1v8m2q0tF0x8E";

/// Hashes a password with a random salt, into a PHC string.
///
/// # Errors
/// [`HashError`] if Argon2 rejects its input.
pub fn hash(password: &str, salt: [u8; 16]) -> Result<String, HashError> {
    let hashed = argon2().hash_password_with_salt(password.as_bytes(), &salt);
    hashed.map(|hash| hash.to_string()).map_err(|error| HashError(error.to_string()))
}

/// Whether a password matches its hash (a PHC string). Without a hash (an unknown account) the result is `false` after
/// the same work, so that timing does not reveal which e-mail addresses are known.
pub fn verify(password: &str, hash: Option<&str>) -> bool {
    let matches = PasswordHash::new(hash.unwrap_or(DUMMY))
        .is_ok_and(|parsed| argon2().verify_password(password.as_bytes(), &parsed).is_ok());
    matches && hash.is_some()
}

/// The hash (SHA-256, hexadecimal) that is stored of a random token or a one-time code. The context is part of the
/// hash, so that the same six digits hash differently for each account and purpose.
pub fn hash_secret(context: &str, secret: &str) -> String {
    let mut hasher = Sha256::new();
    hasher.update((context.len() as u64).to_be_bytes());
    hasher.update(context.as_bytes());
    hasher.update(secret.as_bytes());
    domain::text::hex(&hasher.finalize())
}

/// Compares hashes in constant time.
pub fn same(one: &str, other: &str) -> bool {
    one.as_bytes().ct_eq(other.as_bytes()).into()
}

/// Six decimal digits from random bytes.
pub fn one_time_code(random: [u8; 8]) -> String {
    // 2^64 is so much larger than a million that the remainder's bias is below one in 10^13.
    format!("{:06}", u64::from_be_bytes(random) % 1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_verifies_and_another_does_not() {
        let hash = hash("correct horse battery", [7; 16]).unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert!(verify("correct horse battery", Some(&hash)));
        assert!(!verify("correct horse batterz", Some(&hash)));
        assert!(!verify("anything", None));
    }

    #[test]
    fn the_dummy_costs_what_a_real_hash_costs() {
        let real = hash("x", [1; 16]).unwrap();
        let (real, dummy) = (PasswordHash::new(&real).unwrap(), PasswordHash::new(DUMMY).unwrap());
        assert_eq!(dummy.algorithm, real.algorithm);
        assert_eq!(dummy.version, real.version);
        assert_eq!(dummy.params.to_string(), real.params.to_string());
        assert_eq!(dummy.salt.unwrap().len(), real.salt.unwrap().len());
        assert_eq!(dummy.hash.unwrap().len(), real.hash.unwrap().len());
        // Refused because the hash is another, so after the work, and not because it cannot be read.
        let refused = argon2().verify_password(b"x", &dummy);
        assert_eq!(refused, Err(argon2::password_hash::Error::PasswordInvalid));
    }

    #[test]
    fn a_code_hashes_unlike_elsewhere() {
        assert_eq!(hash_secret("a", "123456"), hash_secret("a", "123456"));
        assert_ne!(hash_secret("a", "123456"), hash_secret("b", "123456"));
        assert_ne!(hash_secret("a1", "23456"), hash_secret("a", "123456"));
        assert!(same("ab", "ab") && !same("ab", "ac") && !same("ab", "abc"));
    }

    #[test]
    fn codes_have_six_digits() {
        assert_eq!(one_time_code([0; 8]), "000000");
        assert_eq!(one_time_code([255; 8]).len(), 6);
    }
}
