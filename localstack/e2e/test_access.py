"""Who may do what, for every endpoint there is: each role, no token, bad tokens, and another tenant's everything."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from .operations import Operation, id_fields, operations
from .shop import Shop
from .world import World, others, unknown_ids

pytestmark = pytest.mark.deployed

ALL = operations()
GUARDED = [operation for operation in ALL if not operation.is_public]
WITH_IDS = [operation for operation in ALL if operation.parameters("path") or operation.body_schema]
IN_A_STORE = [operation for operation in GUARDED if operation.needs_store]


@pytest.fixture(scope="module")
def world(shop: Shop) -> Iterator[World]:
    world = World(shop)
    before = world.theirs.state()
    yield world
    assert world.theirs.state() == before, "a stranger has changed something"


def told(answer: httpx.Response) -> tuple[int, Any]:
    """What an answer tells, without what differs between any two."""
    if "json" not in answer.headers.get("content-type", ""):
        return answer.status_code, answer.text
    return answer.status_code, {k: v for k, v in answer.json().items() if k != "request_id"}


@pytest.mark.parametrize("operation", GUARDED, ids=str)
def test_needs_a_token_of_ours(world: World, operation: Operation) -> None:
    ids = unknown_ids()
    answers = {"none": world.send(world.caller(None), operation, ids)}
    role = operation.roles[0] if operation.roles else "owner"
    for what, token in world.mint.bad_tokens(role, world.ours.seller.tenant_id).items():
        answers[what] = world.send(world.shop.caller(token, world.ours.seller.slug), operation, ids)
    let_in = {what: a.status_code for what, a in answers.items() if a.status_code != 401}
    assert not let_in
    # Without any token API Gateway answers, else the function, so that a client knows when to refresh.
    codes = {what: a.json().get("code") for what, a in answers.items() if what != "none"}
    assert codes == {what: "token_expired" if what == "expired" else "unauthorized" for what in codes}


@pytest.mark.parametrize("operation", GUARDED, ids=str)
def test_each_role_may_what_the_table_says(world: World, operation: Operation) -> None:
    assert operation.roles, "an endpoint that nobody may call"
    ids = unknown_ids()
    for role in others(operation):
        answer = world.send(world.caller(role), operation, ids)
        assert (answer.status_code, answer.json().get("code")) == (403, "forbidden"), f"{role}: {answer.text}"
    for role in operation.roles:
        answer = world.send(world.caller(role), operation, ids)
        assert answer.status_code < 500, f"{role}: {answer.text}"
        if answer.status_code == 403:
            assert answer.json()["code"] != "forbidden", f"{role}: {answer.text}"


@pytest.mark.parametrize("operation", WITH_IDS, ids=str)
def test_anothers_ids_answer_like_unknown_ones(world: World, operation: Operation) -> None:
    for role in operation.roles or (None,):
        caller = world.caller(role)
        unknown = world.send(caller, operation, ids := unknown_ids())
        foreign = world.send(caller, operation, world.theirs.ids)
        assert unknown.status_code < 500 and foreign.status_code < 500, f"{role}: {unknown.text} {foreign.text}"
        if operation.parameters("path"):
            assert foreign.status_code in (403, 404), f"{role}: {foreign.status_code} {foreign.text}"
        if operation.parameters("path") or ids_in_body(operation):
            as_told = _with_ids_swapped(unknown, ids, world.theirs.ids)
            assert told(foreign) == as_told, f"{role}: {foreign.text}"
        leaked = [secret for secret in world.theirs.secrets() if secret in foreign.text]
        assert not leaked, f"{role} is told {leaked}"


@pytest.mark.parametrize("operation", [o for o in GUARDED if "OrderId" in o.id_types().values()], ids=str)
def test_a_buyers_order_is_nobody_elses(world: World, operation: Operation) -> None:
    """Of the same store even."""
    for role in ("guest", "customer"):
        if role in operation.roles:
            caller = world.caller(role)
            unknown = world.send(caller, operation, unknown_ids())
            foreign = world.send(caller, operation, world.ours.ids)
            assert foreign.status_code == 404 and told(foreign) == told(unknown), foreign.text


@pytest.mark.parametrize("operation", IN_A_STORE, ids=str)
def test_a_token_is_for_one_tenant(world: World, operation: Operation) -> None:
    for role in operation.roles:
        for store in (world.theirs.seller.slug, world.theirs.seller.store["id"], "no-such-store-anywhere"):
            answer = world.send(world.caller(role, store), operation, unknown_ids())
            code = answer.json().get("code")
            assert (answer.status_code, code) == (403, "tenant_mismatch"), f"{role} for {store}: {answer.text}"


def ids_in_body(operation: Operation) -> bool:
    return bool(id_fields(operation.body_schema, operation.sample_body()))


def _with_ids_swapped(answer: httpx.Response, ids: dict[str, str], others: dict[str, str]) -> tuple[int, Any]:
    """What an answer tells, had it been asked with the others."""
    text = answer.text
    for kind, value in ids.items():
        text = text.replace(value, others[kind])
    headers = {"content-type": answer.headers.get("content-type", "")}
    return told(httpx.Response(answer.status_code, text=text, headers=headers))
