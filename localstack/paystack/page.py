"""The hosted pay page: what the buyer sees at `authorization_url`. Plain HTML, no script, nothing loaded from elsewhere."""

from __future__ import annotations

from html import escape
from urllib.parse import urlencode, urlsplit, urlunsplit

from aiohttp import web

from .books import CARDS, Card, Transaction, find_card
from .sandbox import SANDBOX

STYLE = """
*{box-sizing:border-box}body{margin:0;min-height:100vh;display:grid;place-items:center;background:#eef2f6;
font:16px/1.5 system-ui,sans-serif;color:#1b2733}main{width:min(26rem,calc(100vw - 2rem));background:#fff;
border-radius:14px;box-shadow:0 10px 40px #1b273322;overflow:hidden}header{padding:1.5rem 1.75rem;background:#0b2a4a;
color:#fff}header p{margin:0;opacity:.8;font-size:.875rem;overflow-wrap:anywhere}header strong{font-size:1.9rem;
font-weight:650}section{padding:1.5rem 1.75rem}fieldset{border:0;margin:0 0 1.25rem;padding:0}legend{font-weight:600;
margin-bottom:.5rem}label{display:flex;gap:.75rem;align-items:center;padding:.7rem .9rem;border:1px solid #d5dde5;
border-radius:9px;margin-bottom:.5rem;cursor:pointer}label:has(:checked){border-color:#0a8f5b;background:#f0faf5}
code{margin-left:auto;color:#5b6b7a;font-size:.85rem}button{width:100%;padding:.85rem;border:0;border-radius:9px;
font:inherit;font-weight:600;cursor:pointer;background:#0a8f5b;color:#fff}button.quiet{background:none;color:#5b6b7a;
margin-top:.25rem}button:focus-visible,input:focus-visible{outline:3px solid #66a9ff;outline-offset:2px}
.error{background:#fdecea;color:#8a1c12;padding:.7rem .9rem;border-radius:9px;margin:0 0 1rem}
footer{padding:0 1.75rem 1.5rem;font-size:.8rem;color:#5b6b7a}
"""

SYMBOLS = {"NGN": "₦", "GHS": "GH₵", "KES": "KSh ", "ZAR": "R", "USD": "$"}


def amount(transaction: Transaction) -> str:
    """All of Paystack's currencies have two decimals."""
    major, minor = divmod(transaction.amount_minor, 100)
    return f"{SYMBOLS.get(transaction.currency, transaction.currency + ' ')}{major:,}.{minor:02d}"


def page(transaction: Transaction, body: str, *, status: int = 200) -> web.Response:
    html = f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<title>Pay {escape(amount(transaction))}</title><style>{STYLE}</style></head><body><main>
<header><p>{escape(transaction.email)}</p><strong>{escape(amount(transaction))}</strong>
<p>{escape(transaction.reference)}</p></header><section>{body}</section>
<footer>Sandbox: no real card, no real money.</footer></main></body></html>"""
    return web.Response(text=html, content_type="text/html", status=status,
                        headers={"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"})  # fmt: skip


def choice(card: Card, *, checked: bool) -> str:
    number = " ".join(card.number[n : n + 4] for n in range(0, 16, 4))
    return (f'<label><input type="radio" name="card" value="{card.name}"{" checked" if checked else ""}>'
            f"{escape(card.label)}<code>{number}</code></label>")  # fmt: skip


def form(transaction: Transaction, error: str | None) -> str:
    told = f'<p class="error" role="alert">{escape(error)}</p>' if error else ""
    cards = "".join(choice(card, checked=n == 0) for n, card in enumerate(CARDS.values()))
    return f"""{told}<form method="post"><fieldset><legend>Pay with a test card</legend>{cards}</fieldset>
<button>Pay {escape(amount(transaction))}</button></form>
<form method="post"><input type="hidden" name="card" value="abandon"><button class="quiet">Leave without paying</button>
</form>"""


def callback(transaction: Transaction) -> str | None:
    """The merchant's address with the reference twice, as Paystack does."""
    if not transaction.callback_url:
        return None
    parts = urlsplit(transaction.callback_url)
    query = urlencode({"trxref": transaction.reference, "reference": transaction.reference})
    return urlunsplit(parts._replace(query=f"{parts.query}&{query}" if parts.query else query))


def after_payment(transaction: Transaction) -> web.Response:
    url = callback(transaction)
    if url is None:
        return page(transaction, "<p>Payment successful. You can close this page.</p>")
    return web.Response(status=302, headers={"Location": url})


def find(request: web.Request) -> Transaction:
    code = request.match_info["access_code"]
    transaction = request.app[SANDBOX].books.find_transaction(code)
    if transaction is None or transaction.access_code != code:
        raise web.HTTPNotFound(text="There is no such payment.")
    return transaction


async def show(request: web.Request) -> web.Response:
    transaction = find(request)
    if transaction.captures:
        return page(transaction, "<p>This payment is already made.</p>")
    if transaction.status == "abandoned":
        transaction.status = "ongoing"  # the buyer is here
    return page(transaction, form(transaction, None))


async def pay(request: web.Request) -> web.Response:
    transaction = find(request)
    if transaction.captures:
        return after_payment(transaction)
    choice = str((await request.post()).get("card", ""))
    if choice == "abandon":
        transaction.status = "abandoned"
        return page(transaction, "<p>You have left without paying. You can go back to the store.</p>")
    card = find_card(choice)
    if card is None:
        return page(transaction, form(transaction, "Choose one of the test cards."), status=422)
    request.app[SANDBOX].charge(transaction, card)
    if not transaction.captures:
        return page(transaction, form(transaction, f"{card.gateway_response}. Try another card."), status=402)
    return after_payment(transaction)


ROUTES = [web.get("/pay/{access_code}", show), web.post("/pay/{access_code}", pay)]
