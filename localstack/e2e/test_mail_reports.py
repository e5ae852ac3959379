"""What the mail service reports about the mails that it sent. On AWS a rule forwards its reports to the queue; nothing
bounces here, so they are put there."""

from __future__ import annotations

import json
import secrets

import pytest

from .shop import Buyer, Seller, Shop
from .waiting import wait_for

pytestmark = pytest.mark.deployed


def bounced(email: str) -> str:
    """As EventBridge delivers the report of an address that does not exist."""
    bounce = {"bounceType": "Permanent", "bounceSubType": "General", "bouncedRecipients": [{"emailAddress": email}]}
    detail = {"eventType": "Bounce", "bounce": bounce, "mail": {"messageId": "1", "destination": [email]}}
    return json.dumps({"version": "0", "source": "aws.ses", "detail-type": "Email Bounced", "detail": detail})


def test_a_mailbox_that_does_not_exist_gets_no_more_notifications(shop: Shop, seller: Seller) -> None:
    variant = seller.product("A book", {"BOOK": (450_000, 10)}).only
    buyer = Buyer.guest(seller)
    buyer.email = f"gone-{secrets.token_hex(6)}@example.com"
    order = buyer.buy(variant)
    order.wait_until("confirmed")
    wait_for("the first mail", buyer.mails)

    shop.cloud.send("notifications-on-mail-report", bounced(buyer.email))
    suppressed = lambda: shop.cloud.item("accounts", f"EMAIL#{buyer.email}", "SUPPRESSED")  # noqa: E731
    wait_for("the address on the list", suppressed)

    again = buyer.buy(variant)
    again.wait_until("confirmed")
    told_seller = lambda: [mail for mail in shop.cloud.mails(seller.email) if again.number in mail.subject]  # noqa: E731
    wait_for("the seller's mail", told_seller)
    notes = {note["audience"]: note for note in wait_for("both notes", again.notifications, lambda notes: len(notes) == 2)}
    assert notes["seller"]["sent_at"] and not notes["buyer"]["sent_at"]
    assert len(buyer.mails()) == 1, "none about the second order"
