"""Gives the secrets of an environment their first values. A value that is there is never replaced.

usage: python scripts/secret_values.py <env>        (for AWS; PAYSTACK_SECRET_KEY in the environment when known)

scripts/deploy calls it, for AWS and for the local stack alike.

- selleasi/<env>/signing-key  the private half of the ES256 key that signs access tokens
- selleasi/<env>/token-keys   the public halves of those that verify: current, next, previous
- selleasi/<env>/paystack     the platform's Paystack key
- selleasi/<env>/cursor-key   authenticates list cursors

Whoever verifies tokens reads token-keys only, and so could never sign one.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import sys
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec


def new_signing_key() -> dict[str, str]:
    """The private half of a P-256 key pair."""
    key = ec.generate_private_key(ec.SECP256R1())
    private_pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    return {"kid": key_id(key.public_key()), "private_pem": private_pem}


def key_id(key: ec.EllipticCurvePublicKey) -> str:
    """The start of the public key's hash, so that it cannot be given to another."""
    der = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(der).hexdigest()[:16]


def public_half(signing_key: dict[str, str]) -> dict[str, str]:
    key = serialization.load_pem_private_key(signing_key["private_pem"].encode(), None).public_key()
    pem = key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()
    return {"kid": signing_key["kid"], "public_pem": pem}


def value_of(client: Any, name: str) -> str | None:
    """Empty when the secret exists without a value, as CloudFormation makes it; None when it does not exist."""
    try:
        return client.get_secret_value(SecretId=name).get("SecretString") or ""
    except client.exceptions.ResourceNotFoundException:
        pass
    try:
        client.describe_secret(SecretId=name)
    except client.exceptions.ResourceNotFoundException:
        return None
    return ""


def put_missing_secrets(client: Any, env: str, paystack_secret_key: str | None) -> list[str]:
    """What is left to be done, in words."""
    prefix = f"selleasi/{env}/"
    present = {name: value_of(client, prefix + name) for name in ("signing-key", "token-keys", "paystack", "cursor-key")}

    def put(name: str, value: Any) -> None:
        if present[name] is None:
            client.create_secret(Name=prefix + name, SecretString=json.dumps(value))
        else:
            client.put_secret_value(SecretId=prefix + name, SecretString=json.dumps(value))

    left = []
    if not present["token-keys"]:
        # The private half is stored first: the public one follows from it, should this end in between.
        signing_key = json.loads(present["signing-key"] or "null") or new_signing_key()
        if not present["signing-key"]:
            put("signing-key", signing_key)
        put("token-keys", {"current": public_half(signing_key), "next": None, "previous": None})
    elif not present["signing-key"]:
        left.append(f"{prefix}signing-key has no value, and {prefix}token-keys has: give both a new pair")
    if not present["cursor-key"]:
        put("cursor-key", {"key": secrets.token_hex(32)})
    if not present["paystack"]:
        if paystack_secret_key:
            put("paystack", {"secret_key": paystack_secret_key})
        else:
            example = '{"secret_key": "sk_live_..."}'
            left.append(f"{prefix}paystack has no value: give it one, {example}, or run again with PAYSTACK_SECRET_KEY")
    return left


def main() -> int:
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    try:
        left = put_missing_secrets(boto3.client("secretsmanager"), sys.argv[1], os.environ.get("PAYSTACK_SECRET_KEY"))
    except (BotoCoreError, ClientError) as error:
        print(f"Secrets Manager refused: {error}", file=sys.stderr)
        return 1
    print(*left, sep="\n", end="\n" if left else "")
    return 0


if __name__ == "__main__":
    sys.exit(main())
