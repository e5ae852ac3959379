//! The secrets of the process: made at the first start, and kept in a file that only its owner can read. They are named as
//! in Secrets Manager.

use std::{
    collections::BTreeMap,
    fs::{self, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use domain::text::hex;
use p256::{
    SecretKey,
    pkcs8::{EncodePrivateKey, EncodePublicKey, LineEnding},
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// The secret with Paystack's key, which the settings may hold.
const PAYSTACK: &str = "paystack";
/// What opens the operator's door.
pub(crate) const OPERATOR: &str = "operator";

/// Reads the secrets, and makes those that are missing.
///
/// # Errors
/// The file cannot be read or written, or is none of ours.
pub(crate) fn load(path: &Path, paystack_key: &str) -> io::Result<BTreeMap<String, Value>> {
    let mut secrets: BTreeMap<String, Value> = match fs::read(path) {
        Ok(bytes) => serde_json::from_slice(&bytes).map_err(io::Error::other)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => BTreeMap::new(),
        Err(error) => return Err(error),
    };
    let before = secrets.clone();
    if !(secrets.contains_key("signing-key") && secrets.contains_key("token-keys")) {
        let (signing, verifying) = key_pair()?;
        secrets.insert("signing-key".to_owned(), signing);
        secrets.insert("token-keys".to_owned(), json!({ "current": verifying, "next": null, "previous": null }));
    }
    secrets.entry("cursor-key".to_owned()).or_insert_with(|| json!({ "key": hex(&random::<32>()) }));
    secrets.entry(OPERATOR.to_owned()).or_insert_with(|| json!({ "key": hex(&random::<20>()) }));
    if secrets != before {
        write(path, &secrets)?;
    }
    secrets.insert(PAYSTACK.to_owned(), json!({ "secret_key": paystack_key }));
    Ok(secrets)
}

/// Into a new file that takes the old one's place: after a crash there is the one or the other.
fn write(path: &Path, secrets: &BTreeMap<String, Value>) -> io::Result<()> {
    let half_written = path.with_extension("new");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&half_written)?;
    file.write_all(&serde_json::to_vec_pretty(secrets)?)?;
    file.sync_all()?;
    fs::rename(half_written, path)
}

fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    runtime::Entropy::fill(&runtime::deps::SystemEntropy, &mut bytes);
    bytes
}

/// An ES256 key pair: the private half, which signs tokens, and the public one.
fn key_pair() -> io::Result<(Value, Value)> {
    let key = loop {
        // Of all 32 bytes hardly any are no key.
        if let Ok(key) = SecretKey::from_slice(&random::<32>()) {
            break key;
        }
    };
    let public = key.public_key();
    let der = public.to_public_key_der().map_err(io::Error::other)?;
    // The start of the public key's hash, so that it cannot be given to another.
    let kid = hex(&Sha256::digest(der.as_bytes()))[..16].to_owned();
    let private_pem = key.to_pkcs8_pem(LineEnding::LF).map_err(io::Error::other)?;
    let public_pem = public.to_public_key_pem(LineEnding::LF).map_err(io::Error::other)?;
    Ok((json!({ "kid": kid, "private_pem": private_pem.as_str() }), json!({ "kid": kid, "public_pem": public_pem })))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn they_are_made_once_and_nobody_else_reads_them() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("secrets.json");
        let first = load(&path, "sk_one").unwrap();
        let again = load(&path, "sk_two").unwrap();
        for name in ["signing-key", "token-keys", "cursor-key", OPERATOR] {
            assert_eq!(first[name], again[name], "{name}");
        }
        assert_eq!(again[PAYSTACK]["secret_key"], "sk_two", "the settings decide");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(!fs::read_to_string(&path).unwrap().contains("sk_"), "the settings' file has it");
        assert_eq!(first["signing-key"]["kid"], first["token-keys"]["current"]["kid"]);
    }

    #[test]
    fn a_file_of_something_else_is_left_alone() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("secrets.json");
        fs::write(&path, "not ours").unwrap();
        load(&path, "sk").unwrap_err();
        assert_eq!(fs::read_to_string(&path).unwrap(), "not ours");
    }
}
