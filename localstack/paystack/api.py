"""Paystack's endpoints: transactions and refunds."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from . import shapes
from .books import CURRENCIES, Account, Refused
from .sandbox import SANDBOX, Sandbox, instead_of_answer, took_effect

REFERENCE = re.compile(r"[A-Za-z0-9.=-]+")  # Paystack also forbids the underscore
EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
PER_PAGE = 50

# What initialize takes beside the fields the sandbox acts on; kept as given.
KEPT = ("channels", "split_code", "split", "subaccount", "transaction_charge", "bearer", "label", "plan")

Handler = Callable[[web.Request, Sandbox, Account], Awaitable[web.Response]]


def endpoint(handler: Handler) -> Callable[[web.Request], Awaitable[web.Response]]:
    """Checks the key, and turns a broken rule into Paystack's answer."""

    async def answer(request: web.Request) -> web.Response:
        sandbox = request.app[SANDBOX]
        scheme, _, key = request.headers.get("Authorization", "").partition(" ")
        account = sandbox.books.accounts.get(key.strip()) if scheme.lower() == "bearer" else None
        if account is None:
            return web.json_response(shapes.failure("Invalid key"), status=401)
        try:
            return await handler(request, sandbox, account)
        except Refused as refused:
            return web.json_response(shapes.refusal(refused), status=refused.status)

    return answer


async def faulty(
    request: web.Request, sandbox: Sandbox, call: str, reference: str | None, act: Callable[[], web.Response]
) -> web.Response:
    """Acts and answers, or fails as armed: before acting, or after."""
    fault = sandbox.faults.strike("api", reference, call=call)
    if fault is None:
        return act()
    if took_effect(fault):
        act()
    return await instead_of_answer(request, fault)


async def read_body(request: web.Request) -> dict[str, Any]:
    """JSON or a form: the specification lists both."""
    if request.content_type == "application/x-www-form-urlencoded":
        return dict(await request.post())
    try:
        body = json.loads(await request.read() or b"{}")
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise Refused(400, "Invalid JSON", "invalid_params", "Send a JSON object")
    return body


def whole_number(value: Any) -> int | None:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    return int(value) if isinstance(value, str) and value.isascii() and value.isdigit() else None


@endpoint
async def initialize(request: web.Request, sandbox: Sandbox, account: Account) -> web.Response:
    asked = await read_body(request)
    amount_minor = whole_number(asked.get("amount"))
    if amount_minor is None or amount_minor <= 0:
        raise Refused(400, "Invalid Amount Sent", "invalid_amount", "Send the amount in the currency's subunit")
    if not EMAIL.fullmatch(str(asked.get("email") or "")):
        raise Refused(400, "Invalid Email Address Passed", "invalid_email_address", "Send the customer's e-mail address")
    currency = asked.get("currency") or "NGN"
    if currency not in CURRENCIES:
        raise Refused(403, "Currency not supported by merchant", "unsupported_currency",
                      "Use a currency that is enabled on the integration")  # fmt: skip
    reference = asked.get("reference") or None
    if reference is not None and not (isinstance(reference, str) and REFERENCE.fullmatch(reference)):
        raise Refused(400, "Invalid transaction reference", "invalid_reference",
                      "Only letters, digits and - . = are allowed")  # fmt: skip
    metadata = asked.get("metadata")
    if isinstance(metadata, str) and metadata:
        with contextlib.suppress(ValueError):
            metadata = json.loads(metadata)  # clients send it as a string too

    def act() -> web.Response:
        transaction = sandbox.books.open_transaction(
            account, email=asked["email"], amount_minor=amount_minor, currency=currency, reference=reference,
            metadata=metadata or None, callback_url=asked.get("callback_url") or None,
            extra={name: asked[name] for name in KEPT if name in asked},
        )  # fmt: skip
        return web.json_response(shapes.success("Authorization URL created", {
            "authorization_url": f"{sandbox.settings.public_url}/pay/{transaction.access_code}",
            "access_code": transaction.access_code,
            "reference": transaction.reference,
        }))  # fmt: skip

    return await faulty(request, sandbox, "initialize", reference, act)


@endpoint
async def verify(request: web.Request, sandbox: Sandbox, account: Account) -> web.Response:
    reference = request.match_info["reference"]

    def act() -> web.Response:
        transaction = sandbox.books.find_transaction(reference, account)
        if transaction is None or transaction.reference != reference:
            if sandbox.faults.strike("verify", reference, kinds=("not_found_as_400",)):
                raise Refused(400, "Transaction reference not found.", "transaction_not_found",
                              "Pass the reference of a transaction that exists on this integration")  # fmt: skip
            return web.json_response(shapes.failure("Entity not found"), status=404)
        stale = transaction.captures and sandbox.faults.strike("verify", reference, kinds=("stale_status",))
        data = shapes.transaction(transaction, status=stale.params["status"] if stale else None)
        return web.json_response(shapes.success("Verification successful", data))

    return await faulty(request, sandbox, "verify", reference, act)


@endpoint
async def fetch_transaction(request: web.Request, sandbox: Sandbox, account: Account) -> web.Response:
    found = sandbox.books.find_transaction(request.match_info["id"], account)
    if found is None or str(found.id) != request.match_info["id"]:
        return web.json_response(shapes.failure("Entity not found"), status=404)
    return web.json_response(shapes.success("Transaction retrieved", shapes.transaction(found)))


def page_of(request: web.Request, items: list[Any]) -> tuple[list[Any], dict[str, int]]:
    """Newest first, by page."""
    per_page = whole_number(request.query.get("perPage") or request.query.get("per_page")) or PER_PAGE
    page = whole_number(request.query.get("page")) or 1
    newest = items[::-1]
    meta = {"total": len(items), "skipped": (page - 1) * per_page, "perPage": per_page, "page": page,
            "pageCount": -(-len(items) // per_page)}  # fmt: skip
    return newest[(page - 1) * per_page : page * per_page], meta


@endpoint
async def list_transactions(request: web.Request, sandbox: Sandbox, account: Account) -> web.Response:
    status = request.query.get("status")
    mine = [t for t in sandbox.books.transactions if t.account is account and status in (None, t.status)]
    shown, meta = page_of(request, mine)
    return web.json_response(shapes.success("Transactions retrieved", [shapes.transaction(t) for t in shown], meta=meta))


@endpoint
async def create_refund(request: web.Request, sandbox: Sandbox, account: Account) -> web.Response:
    asked = await read_body(request)
    transaction = sandbox.books.find_transaction(str(asked.get("transaction") or ""), account)
    if transaction is None:
        raise Refused(404, "Transaction not found", "transaction_not_found",
                      "Pass the id or reference of a transaction on this integration")  # fmt: skip
    amount_minor = whole_number(asked.get("amount"))
    if asked.get("amount") is not None and amount_minor is None:
        raise Refused(400, "Invalid Amount Sent", "invalid_amount", "Send the amount in the currency's subunit")

    def act() -> web.Response:
        refund = sandbox.books.open_refund(
            transaction, amount_minor=amount_minor, currency=asked.get("currency"),
            customer_note=asked.get("customer_note") or f"Refund for transaction {transaction.reference}",
            merchant_note=asked.get("merchant_note") or f"Refund for transaction {transaction.reference}",
            outcome=sandbox.refund_outcome(transaction.reference),
        )  # fmt: skip
        sandbox.start_refund(refund)
        return web.json_response(shapes.success("Refund has been queued for processing", shapes.refund_created(refund)))

    return await faulty(request, sandbox, "refund", transaction.reference, act)


@endpoint
async def fetch_refund(request: web.Request, sandbox: Sandbox, account: Account) -> web.Response:
    found = sandbox.books.find_refund(request.match_info["id"], account)
    if found is None:
        return web.json_response(shapes.failure("Entity not found"), status=404)

    def act() -> web.Response:
        return web.json_response(shapes.success("Refund retrieved", shapes.refund(found)))

    return await faulty(request, sandbox, "refund_fetch", found.transaction.reference, act)


@endpoint
async def list_refunds(request: web.Request, sandbox: Sandbox, account: Account) -> web.Response:
    of = request.query.get("transaction") or request.query.get("reference")
    mine = [r for r in sandbox.books.refunds if r.transaction.account is account
            and of in (None, r.transaction.reference, str(r.transaction.id))]  # fmt: skip
    shown, meta = page_of(request, mine)
    return web.json_response(shapes.success("Refunds retrieved", [shapes.refund(r) for r in shown], meta=meta))


@endpoint
async def retry_refund(request: web.Request, sandbox: Sandbox, account: Account) -> web.Response:
    asked = await read_body(request)
    found = sandbox.books.find_refund(request.match_info["id"], account)
    if found is None:
        return web.json_response(shapes.failure("Entity not found"), status=404)
    details = asked.get("refund_account_details")
    if not isinstance(details, dict) or not all(details.get(n) for n in ("currency", "account_number", "bank_id")):
        raise Refused(422, "Refund account details are incomplete", "invalid_params",
                      "Send currency, account_number and bank_id")  # fmt: skip
    if found.status != "needs-attention":
        raise Refused(400, "Only a refund that needs attention can be retried", "invalid_params", "Fetch the refund")
    sandbox.retry_refund(found)
    return web.json_response(shapes.success("Refund retried and has been queued for processing", shapes.refund(found)))


ROUTES = [
    web.post("/transaction/initialize", initialize),
    web.get("/transaction/verify/{reference}", verify),
    web.get("/transaction", list_transactions),
    web.get("/transaction/{id}", fetch_transaction),
    web.post("/refund", create_refund),
    web.get("/refund", list_refunds),
    web.get("/refund/{id}", fetch_refund),
    web.post("/refund/retry_with_customer_details/{id}", retry_refund),
]
