"""Access tokens made with the local stack's own key, for roles that nobody has signed in as, and for tokens that no
honest issuer would sign. Claims as in shared/tokens/src/lib.rs."""

from __future__ import annotations

import base64
import json
import secrets
import time
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from .shop import Shop

CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
LIFETIME_S = 900


def new_id(prefix: str) -> str:
    """An id of nothing there is."""
    return f"{prefix}_{secrets.choice('01234567')}{''.join(secrets.choice(CROCKFORD) for _ in range(25))}"


def encode(part: bytes) -> str:
    return base64.urlsafe_b64encode(part).rstrip(b"=").decode()


def claims_of(token: str) -> dict[str, Any]:
    part = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


class Mint:
    def __init__(self, shop: Shop) -> None:
        self._issuer = shop.stack.url
        self._key = shop.cloud.secret("signing-key")

    def token(self, role: str, tenant: str | None, *, header: dict[str, Any] | None = None, key_pem: str = "",
              **claims: Any) -> str:  # fmt: skip
        now = int(time.time())
        head = {"typ": "at+jwt", "alg": "ES256", "kid": self._key["kid"], **(header or {})}
        body = {"iss": self._issuer, "aud": self._issuer, "sub": new_id("acc"), "tid": tenant, "role": role,
                "sid": new_id("ses"), "jti": secrets.token_hex(8), "iat": now, "exp": now + LIFETIME_S,
                **claims}  # fmt: skip
        signed = f"{encode(json.dumps(head).encode())}.{encode(json.dumps(body).encode())}"
        return f"{signed}.{encode(sign(signed.encode(), key_pem or self._key['private_pem']))}"

    def bad_tokens(self, role: str, tenant: str) -> dict[str, str]:
        """By what is wrong with them."""
        good = self.token(role, tenant)
        head, body, signature = good.split(".")
        now = int(time.time())
        other_key = ec.generate_private_key(ec.SECP256R1()).private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        unsigned = encode(json.dumps({"typ": "at+jwt", "alg": "none"}).encode())
        raised = encode(json.dumps(claims_of(good) | {"role": "owner" if role != "owner" else "manager"}).encode())
        return {
            "no token at all": "x",
            "unsigned": f"{unsigned}.{body}.",
            "another role in it": f"{head}.{raised}.{signature}",
            "another key": self.token(role, tenant, key_pem=other_key.decode()),
            "an unknown key": self.token(role, tenant, header={"kid": "nobody"}),
            "another type": self.token(role, tenant, header={"typ": "JWT"}),
            "expired": self.token(role, tenant, iat=now - 2 * LIFETIME_S, exp=now - LIFETIME_S),
            "from the future": self.token(role, tenant, iat=now + LIFETIME_S, exp=now + 2 * LIFETIME_S),
            "another issuer": self.token(role, tenant, iss="https://elsewhere.example"),
            "another audience": self.token(role, tenant, aud="https://elsewhere.example"),
            "an unknown role": self.token("emperor", tenant),
            "a tenant that is none": self.token(role, "T#x"),
        }


def sign(message: bytes, private_pem: str) -> bytes:
    """ES256: r and s, 32 bytes each (RFC 7518, section 3.4)."""
    key = serialization.load_pem_private_key(private_pem.encode(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    r, s = decode_dss_signature(key.sign(message, ec.ECDSA(hashes.SHA256())))
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")
