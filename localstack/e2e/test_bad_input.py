"""Whatever is sent to whichever endpoint: an answer that says what is wrong, and never a failure of ours."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from .operations import Operation, bad_bodies, operations
from .shop import Shop, new_key
from .tokens import new_id
from .world import World, unknown_ids

ALL = operations()
WITH_BODY = [operation for operation in ALL if operation.body_schema]
WITH_IDS = [operation for operation in ALL if operation.parameters("path")]
WITH_QUERY = [operation for operation in ALL if operation.parameters("query")]
BODY_BYTES_MAX = 256 * 1024
DEPTH_MAX = 32
JSON_TYPE = "application/json"


@pytest.fixture(scope="module")
def world(shop: Shop) -> Iterator[World]:
    yield World(shop)


def refused(answer: httpx.Response, *statuses: int) -> str:
    """What is wrong with a refusal, if anything."""
    if not 400 <= answer.status_code < 500 or (statuses and answer.status_code not in statuses):
        return f"answered {answer.status_code} {answer.text[:300]}"
    body = answer.json()
    if list(body) == ["message"]:
        return ""  # API Gateway's own
    if answer.headers["content-type"] != "application/problem+json":
        return f"a problem as {answer.headers['content-type']}"
    complete = body.get("code") and body.get("request_id") and body.get("detail") and body["status"] == answer.status_code
    return "" if complete else f"an incomplete problem: {body}"


def post(world: World, operation: Operation, content: bytes, media_type: str | None = JSON_TYPE,
         headers: dict[str, str] | None = None) -> httpx.Response:  # fmt: skip
    """As somebody who may, about things that do not exist, so that only what is wrong can be told."""
    headers = ({"Content-Type": media_type} if media_type else {}) | (headers or {})
    path = operation.url(unknown_ids())
    return world.some_caller(operation).send(operation.method, path, key=new_key(), content=content, headers=headers)


@pytest.mark.parametrize("operation", WITH_BODY, ids=str)
def test_bodies_of_the_wrong_shape(world: World, operation: Operation) -> None:
    complaints = []
    for bad in bad_bodies(operation):
        answer = post(world, operation, json.dumps(bad.body).encode())
        if bad.must_fail:
            complaint = refused(answer, 400, 422)
        else:
            complaint = "" if answer.status_code < 400 else refused(answer)
        complaints += [f"{bad.what}: {complaint}"] * bool(complaint)
    assert not complaints, "\n".join(complaints)


@pytest.mark.parametrize("operation", WITH_BODY, ids=str)
def test_bodies_that_are_no_json(world: World, operation: Operation) -> None:
    good = json.dumps(operation.sample_body()).encode()
    nested = b"[" * (DEPTH_MAX + 1) + b"]" * (DEPTH_MAX + 1)
    cases = {
        "half of it": (good[: len(good) // 2], 400),
        "twice": (good + good, 400),
        "no JSON": (b"<order/>", 400),
        "not UTF-8": (b'{"x": "\xff\xfe"}', (400, 422)),
        "NaN": (b'{"x": NaN}', 400),
        "a number beyond all": (b'{"x": 1e999999}', (400, 422)),
        "the same field twice": (good[:-1] + b"," + good[1:] if len(good) > 2 else b"{,", (400, 422)),
        "too deep": (b'{"x": ' + nested + b"}", 400),
        "far too deep": (b"[" * 100_000, 400),
        "too large": (b'{"x": "' + b"x" * BODY_BYTES_MAX + b'"}', 413),
        "a list": (b"[]", 422),
        "a word": (b'"x"', 422),
        "null": (b"null", 422),
    }
    complaints = []
    for what, (content, expected) in cases.items():
        statuses = expected if isinstance(expected, tuple) else (expected,)
        if complaint := refused(post(world, operation, content), *statuses):
            complaints.append(f"{what}: {complaint}")
    for what, coded in (("compressed", gzip.compress(good)), ("not compressed, as it says", good)):
        if complaint := refused(post(world, operation, coded, headers={"Content-Encoding": "gzip"}), 415):
            complaints.append(f"{what}: {complaint}")
    for media_type in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", None):
        if complaint := refused(post(world, operation, good, media_type), 415):
            complaints.append(f"{media_type}: {complaint}")
    assert not complaints, "\n".join(complaints)


@pytest.mark.parametrize("operation", ALL, ids=str)
def test_headers(world: World, operation: Operation) -> None:
    caller = world.some_caller(operation)
    path, body = operation.url(unknown_ids()), operation.sample_body()
    must: dict[str, dict[str, str]] = {}
    may: dict[str, dict[str, str]] = {
        "a correlation id with a line in it": {"X-Correlation-Id": "a b"},
        "a traceparent that is none": {"traceparent": "x" * 55},
        "a forwarded address": {"X-Forwarded-For": "1.2.3.4, x"},
        "a precondition that is none": {"If-Match": "x"},
    }
    if operation.needs_key:
        must["no idempotency key"] = {"Idempotency-Key": ""}
    if operation.needs_key or operation.description["x-selleasi"]["idempotency"] == "accepted":
        must["too long an idempotency key"] = {"Idempotency-Key": "x" * 256}
    if operation.needs_store:
        must["a store that cannot be"] = {"X-Store": "No Such Store!"}
        must["a long store"] = {"X-Store": "x" * 5_000}
    if not operation.is_public:
        must["no bearer token"] = {"Authorization": "Basic YTpi"}
        must["an empty token"] = {"Authorization": "Bearer"}
        must["a long token"] = {"Authorization": "Bearer " + "x." * 2_000}
    complaints = []
    for what, headers in (must | may).items():
        rest: dict[str, Any] = {} if body is None else {"json": body}
        answer = caller.send(operation.method, path, key="", headers={"Idempotency-Key": new_key()} | headers, **rest)
        complaint = "" if what in may and answer.status_code < 400 else refused(answer)
        complaints += [f"{what}: {complaint}"] * bool(complaint)
    assert not complaints, "\n".join(complaints)


@pytest.mark.parametrize("operation", WITH_IDS, ids=str)
def test_ids_that_cannot_be(world: World, operation: Operation) -> None:
    caller, types = world.some_caller(operation), operation.id_types()
    complaints = []
    for name, kind in types.items():
        good = unknown_ids()
        right = good[kind]
        for bad in (
            "x", right.lower(), right[:-1], right + "0", right.replace(right[4], "Z", 1), new_id("xxx"), "%00", "%23",
            "..%2F..", "%F0%9F%92%A5", "x" * 2_000, right.split("_")[1], "0", "-1", "null", "%20", "'%20OR%201=1", "%FF", "%0A",
        ):  # fmt: skip
            path = operation.url(good | {kind: bad})
            rest = {"json": operation.sample_body()} if operation.body_schema else {}
            answer = caller.send(operation.method, path, **rest)
            if complaint := refused(answer, 400, 404, 422):
                complaints.append(f"{{{name}}} {bad[:60]}: {complaint}")
    assert not complaints, "\n".join(complaints)


@pytest.mark.parametrize("operation", WITH_QUERY, ids=str)
def test_queries(world: World, operation: Operation) -> None:
    caller, path = world.some_caller(operation), operation.url(unknown_ids())
    known = operation.parameters("query")
    cases = [{"no_such_parameter": "1"}]
    if "limit" in known:
        cases += [{"limit": bad} for bad in ("0", "101", "-1", "1.5", "x", "", "9" * 30, "0x10")]
    if "cursor" in known:
        cases += [{"cursor": bad} for bad in ("x", "", "e30", "A" * 86, "A" * 5_000, "%00", "💥")]
    for name, schema in known.items():
        if name not in ("limit", "cursor") and schema.get("type") != "string" or "enum" in schema:
            cases.append({name: "no-such-value"})
    complaints = []
    for query in cases:
        if complaint := refused(caller.send(operation.method, path, params=query), 400, 404, 422):
            complaints.append(f"{query}: {complaint}")
    assert not complaints, "\n".join(complaints)


def test_a_cursor_is_good_for_its_own_list_only(world: World) -> None:
    seller, other = world.ours.seller, world.theirs.seller
    for number in range(2):
        seller.product(f"One more {number}", {f"MORE-{number}": (100, 0)})
    page = seller.api.call("GET", "/inventory", params={"limit": 1})
    cursor = page["next_cursor"]
    assert cursor and seller.api.call("GET", "/inventory", params={"limit": 1, "cursor": cursor})["items"]
    for api, path in ((other.api, "/inventory"), (seller.api, "/admin/orders"), (seller.api, "/stores")):
        assert refused(api.send("GET", path, params={"cursor": cursor}), 400) == "", path
    # The last character of base64 may hold bits that mean nothing, so another one is changed.
    forged = cursor[:-4] + ("A" if cursor[-4] != "A" else "B") + cursor[-3:]
    assert refused(seller.api.send("GET", "/inventory", params={"cursor": forged}), 400) == ""
