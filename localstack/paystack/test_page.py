"""The hosted pay page, as a browser without scripts uses it."""

from __future__ import annotations

from .conftest import Client, Merchant


def open_page(client: Client, **fields: object) -> str:
    return f"/pay/{client.initialize(**fields).json()['data']['access_code']}"


def test_it_shows_the_amount_and_the_cards_and_loads_nothing(client: Client) -> None:
    path = open_page(client, email='<b>"@example.com')
    html = client.http.get(path).text
    assert "₦5,000.00" in html and "Leave without paying" in html and 'value="declined"' in html
    assert "<script" not in html and "src=" not in html and "<b>" not in html
    assert client.verify().json()["data"]["status"] == "ongoing"


def test_paying_goes_back_to_the_store_with_the_reference_twice(client: Client, merchant: Merchant) -> None:
    path = open_page(client, callback_url="http://shop.test/done?a=1")
    answer = client.http.post(path, data={"card": "success"})
    assert answer.status_code == 302
    assert answer.headers["location"] == "http://shop.test/done?a=1&trxref=ref-1&reference=ref-1"
    merchant.wait_for(1)
    assert client.http.post(path, data={"card": "success"}).status_code == 302
    assert client.books()["captures"] == 1


def test_without_a_callback_it_says_so(client: Client) -> None:
    assert "Payment successful" in client.http.post(open_page(client), data={"card": "success"}).text


def test_a_refused_card_may_be_followed_by_another(client: Client) -> None:
    path = open_page(client)
    refused = client.http.post(path, data={"card": "4084 0800 0000 5408"})
    assert refused.status_code == 402 and "Declined. Try another card." in refused.text
    assert client.http.post(path, data={"card": "success"}).status_code == 200
    assert client.books()["attempts"] == ["declined", "success"]


def test_leaving_abandons(client: Client) -> None:
    path = open_page(client)
    client.http.get(path)
    client.http.post(path, data={"card": "abandon"})
    assert client.verify().json()["data"]["status"] == "abandoned"


def test_an_unknown_code_or_card_is_refused(client: Client) -> None:
    assert client.http.get("/pay/none").status_code == 404
    assert client.http.get("/pay/ref-1").status_code == 404
    assert client.http.post(open_page(client), data={"card": "gold"}).status_code == 422
