"""What the API says of itself."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from settings import PROCESS

from .operations import DESCRIPTION, operations
from .shop import Shop

pytestmark = pytest.mark.deployed


def test_openapi_is_the_file_and_every_operation_is_routed(shop: Shop) -> None:
    served = shop.caller().send("GET", "/openapi.json")
    assert served.status_code == 200 and served.headers["content-type"].startswith("application/json")
    assert served.json() == json.loads(DESCRIPTION.read_text())
    assert len({operation.id for operation in operations()}) == len(operations())


def test_docs_are_a_page(shop: Shop) -> None:
    page = shop.caller().send("GET", "/docs")
    assert page.status_code == 200 and page.headers["content-type"].startswith("text/html")
    assert "<html" in page.text.lower() and "SellEasi" in page.text
    assert "https://cdn" not in page.text, "it must work without the network"


def test_keys_are_published_and_private_ones_are_not(shop: Shop) -> None:
    keys = shop.caller().call("GET", "/.well-known/jwks.json")["keys"]
    ours = shop.cloud.secret("token-keys")
    assert "PRIVATE" not in json.dumps(ours), "whoever verifies tokens must not be able to sign them"
    assert ours["current"]["kid"] in {key["kid"] for key in keys}
    for key in keys:
        assert (key["kty"], key["crv"], key["alg"]) == ("EC", "P-256", "ES256") and "d" not in key


def test_cors_lets_known_pages_in_only(shop: Shop) -> None:
    ask = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,x-store"}
    known = shop.caller().send("OPTIONS", "/orders", headers={"Origin": "http://localhost:3000", **ask})
    assert known.headers["access-control-allow-origin"] == "http://localhost:3000"
    other = shop.caller().send("OPTIONS", "/orders", headers={"Origin": "https://evil.example", **ask})
    assert "access-control-allow-origin" not in other.headers


def test_a_page_can_read_errors_too(shop: Shop) -> None:
    page = "http://localhost:3000"

    def answered(method: str, path: str, status: int, origin: str = page, **rest: Any) -> httpx.Response:
        answer = shop.caller().send(method, path, **{**rest, "headers": {"Origin": origin, **rest.get("headers", {})}})
        assert answer.status_code == status, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer

    no_method = 405 if shop.stack.kind == PROCESS else 404  # API Gateway has one answer for both
    large = {"content": b"x" * (10 * 1024 * 1024 + 1)}
    bad = {"headers": {"Authorization": "Bearer x"}}
    for case in (("GET", "/orders", 401, {}), ("GET", "/orders", 401, bad), ("GET", "/nowhere", 404, {}),
                 ("PUT", "/orders", no_method, {}), ("POST", "/auth/login", 413, large)):  # fmt: skip
        *asked, rest = case
        assert answered(*asked, **rest).headers["access-control-allow-origin"] == page, case
    assert "access-control-allow-origin" not in answered("GET", "/orders", 401, "https://evil.example").headers


def test_what_is_not_there_is_not_found(shop: Shop) -> None:
    assert shop.caller().send("GET", "/no/such/route").status_code == 404
