"""`/_sandbox/...`: what tests and the demo steer by. Paystack has none of this, and our backend never calls it."""

from __future__ import annotations

import json
from typing import Any

from aiohttp import web

from . import shapes
from .books import Transaction, find_card
from .faults import KINDS, BadFault
from .sandbox import SANDBOX, Sandbox

MAX_COPIES = 200


def bad(message: str, status: int = 400) -> web.HTTPException:
    kind = {400: web.HTTPBadRequest, 404: web.HTTPNotFound}[status]
    return kind(text=json.dumps({"error": message}), content_type="application/json")


async def body_of(request: web.Request) -> Any:
    raw = await request.read()
    if not raw:
        return {}
    try:
        return json.loads(raw)
    except ValueError:
        raise bad("the body is not JSON") from None


def transaction_of(sandbox: Sandbox, asked: dict[str, Any]) -> Transaction:
    key = asked.get("reference") or asked.get("access_code")
    found = sandbox.books.find_transaction(str(key)) if key else None
    if found is None:
        raise bad("no transaction has this reference or access_code", 404)
    return found


def book_row(transaction: Transaction, refunds: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "id": transaction.id,
        "reference": transaction.reference,
        "access_code": transaction.access_code,
        "status": transaction.status,
        "currency": transaction.currency,
        "requested_minor": transaction.requested_minor,
        "captured_minor": transaction.captured_minor,
        "refunded_minor": transaction.refunded_minor,
        "captures": transaction.captures,
        "attempts": transaction.attempts,
        "email": transaction.email,
        "metadata": transaction.metadata,
        "extra": transaction.extra,
        "integration": transaction.account.integration,
        "refunds": refunds,
    }


async def books(request: web.Request) -> web.Response:
    """Everything, or `?reference=`, with the totals per currency as the postings add up."""
    known = request.app[SANDBOX].books
    only = request.query.get("reference")
    rows = [
        book_row(t, [{"id": r.id, "amount_minor": r.amount_minor, "status": r.status}
                     for r in known.refunds if r.transaction is t])
        for t in known.transactions if only in (None, t.reference)
    ]  # fmt: skip
    postings = [shapes.posting(p) for p in known.postings if only in (None, p.reference)]
    return web.json_response({"transactions": rows, "postings": postings, "totals": known.totals()})


async def charge(request: web.Request) -> web.Response:
    """What the buyer does on the pay page: {reference | access_code, card}."""
    sandbox, asked = request.app[SANDBOX], await body_of(request)
    transaction = transaction_of(sandbox, asked)
    choice = str(asked.get("card", "success"))
    if choice == "abandon":
        if not transaction.captures:
            transaction.status = "abandoned"
    else:
        card = find_card(choice)
        if card is None:
            raise bad("unknown card")
        sandbox.charge(transaction, card)
    return web.json_response({"status": transaction.status, "captured_minor": transaction.captured_minor,
                              "currency": transaction.currency, "captures": transaction.captures})  # fmt: skip


async def list_webhooks(request: web.Request) -> web.Response:
    reference, event = request.query.get("reference"), request.query.get("event")
    return web.json_response({"deliveries": [
        d.describe() for d in request.app[SANDBOX].webhooks.deliveries
        if reference in (None, d.reference) and event in (None, d.event)
    ]})  # fmt: skip


async def deliver(request: web.Request) -> web.Response:
    """{id, copies}: a known delivery again, all copies at once, whatever became of it before.
    {event, data, forged, secret_key}: a message of one's own, signed well unless forged."""
    sandbox, asked = request.app[SANDBOX], await body_of(request)
    if "id" in asked:
        delivery = next((d for d in sandbox.webhooks.deliveries if d.id == asked["id"]), None)
        if delivery is None:
            raise bad("no delivery has this id", 404)
        copies = asked.get("copies", 1)
        if not isinstance(copies, int) or not 1 <= copies <= MAX_COPIES:
            raise bad(f"copies is 1 to {MAX_COPIES}")
        return web.json_response({"statuses": await sandbox.webhooks.send_again(delivery, copies)})
    if "event" not in asked:
        raise bad("needs id, or event and data")
    account = account_of(sandbox, asked)
    message = {"event": asked["event"], "data": asked.get("data") or {}}
    delivery = await sandbox.webhooks.send_own(account, message, forged=bool(asked.get("forged")))
    return web.json_response({"delivery": delivery.describe(), "statuses": [delivery.attempts[-1].status]})


def account_of(sandbox: Sandbox, asked: dict[str, Any]) -> Any:
    key = asked.get("secret_key")
    accounts = sandbox.books.accounts
    account = accounts.get(key) if key else next(iter(accounts.values()), None)
    if account is None or not account.webhook_url:
        raise bad("no such account, or it has no webhook_url", 404)
    return account


async def add_account(request: web.Request) -> web.Response:
    """{secret_key, webhook_url}: another merchant, or another address for a known one."""
    asked = await body_of(request)
    if not isinstance(asked.get("secret_key"), str) or not asked["secret_key"]:
        raise bad("needs secret_key")
    account = request.app[SANDBOX].books.add_account(asked["secret_key"], asked.get("webhook_url"))
    return web.json_response({"integration": account.integration, "webhook_url": account.webhook_url})


async def settings(request: web.Request) -> web.Response:
    """{retry_scale, refund_step_s}: how fast the sandbox's time runs."""
    sandbox, asked = request.app[SANDBOX], await body_of(request)
    unknown = set(asked) - {"retry_scale", "refund_step_s"}
    if unknown or not all(isinstance(v, int | float) and v >= 0 for v in asked.values()):
        raise bad("takes retry_scale and refund_step_s, not negative")
    sandbox.webhooks.retry_scale = asked.get("retry_scale", sandbox.webhooks.retry_scale)
    sandbox.settings.refund_step_s = asked.get("refund_step_s", sandbox.settings.refund_step_s)
    return web.json_response({"retry_scale": sandbox.webhooks.retry_scale,
                              "refund_step_s": sandbox.settings.refund_step_s})  # fmt: skip


async def arm(request: web.Request) -> web.Response:
    """One fault or a list of them: see faults.KINDS."""
    faults, asked = request.app[SANDBOX].faults, await body_of(request)
    try:
        armed = [faults.arm(one) for one in (asked if isinstance(asked, list) else [asked])]
    except BadFault as error:
        raise bad(str(error)) from None
    return web.json_response({"armed": [fault.describe() for fault in armed]})


async def list_faults(request: web.Request) -> web.Response:
    kinds = {name: {"at": kind.at, "says": kind.says, "params": kind.params} for name, kind in KINDS.items()}
    return web.json_response({"armed": request.app[SANDBOX].faults.list(), "kinds": kinds})


async def reset_faults(request: web.Request) -> web.Response:
    request.app[SANDBOX].faults.reset()
    return web.json_response({"armed": []})


async def reset(request: web.Request) -> web.Response:
    """Empty books, no faults, nothing planned. The accounts stay."""
    request.app[SANDBOX].reset()
    return web.json_response({"ok": True})


async def health(_request: web.Request) -> web.Response:
    return web.json_response({"ok": True})


ROUTES = [
    web.get("/_sandbox/health", health),
    web.get("/_sandbox/books", books),
    web.post("/_sandbox/charge", charge),
    web.get("/_sandbox/webhooks", list_webhooks),
    web.post("/_sandbox/deliver", deliver),
    web.post("/_sandbox/accounts", add_account),
    web.post("/_sandbox/settings", settings),
    web.post("/_sandbox/faults", arm),
    web.get("/_sandbox/faults", list_faults),
    web.delete("/_sandbox/faults", reset_faults),
    web.post("/_sandbox/faults/reset", reset_faults),
    web.post("/_sandbox/reset", reset),
]
