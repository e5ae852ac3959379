"""Gives the secrets of an environment their first values. A value that is there is never replaced.

usage: python scripts/secret_values.py <env>        (for AWS; PAYSTACK_SECRET_KEY in the environment when known)

scripts/deploy calls it, for AWS and for the local stack alike.

- selleasi/<env>/token-keys   the ES256 keys of access tokens: current, next, previous
- selleasi/<env>/paystack     the platform's Paystack key
- selleasi/<env>/cursor-key   authenticates list cursors
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


def new_token_key() -> dict[str, str]:
    """A P-256 key pair; its id is the start of the public key's hash, so it cannot be given to another."""
    key = ec.generate_private_key(ec.SECP256R1())
    public = key.public_key()
    der = public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return {
        "kid": hashlib.sha256(der).hexdigest()[:16],
        "private_pem": key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ).decode(),
        "public_pem": public.public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        ).decode(),
    }


def has_value(client: Any, name: str) -> bool | None:
    """None when the secret itself does not exist. One made by CloudFormation exists without a value."""
    try:
        return bool(client.get_secret_value(SecretId=name).get("SecretString"))
    except client.exceptions.ResourceNotFoundException:
        pass
    try:
        client.describe_secret(SecretId=name)
    except client.exceptions.ResourceNotFoundException:
        return None
    return False


def put_missing_secrets(client: Any, env: str, paystack_secret_key: str | None) -> list[str]:
    """The names of those that are still without a value."""
    values: dict[str, Any] = {
        "token-keys": lambda: {"current": new_token_key(), "next": new_token_key(), "previous": None},
        "paystack": (lambda: {"secret_key": paystack_secret_key}) if paystack_secret_key else None,
        "cursor-key": lambda: {"key": secrets.token_hex(32)},
    }
    left = []
    for short, make in values.items():
        name = f"selleasi/{env}/{short}"
        present = has_value(client, name)
        if present:
            continue
        if make is None:
            left.append(name)
        elif present is None:
            client.create_secret(Name=name, SecretString=json.dumps(make()))
        else:
            client.put_secret_value(SecretId=name, SecretString=json.dumps(make()))
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
    for name in left:
        print(f"{name} has no value: give it one, {{\"secret_key\": \"sk_live_...\"}}, or run again with PAYSTACK_SECRET_KEY")
    return 0


if __name__ == "__main__":
    sys.exit(main())
