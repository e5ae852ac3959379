"""A sandbox Paystack: the published API, a hosted pay page, signed webhooks, its own books, and faults on demand.

Written from Paystack's published specification and nothing else: it must not know what our client sends or expects.

- `books`     what was charged and refunded: the truth that tests compare our ledger with
- `shapes`    the JSON Paystack answers with
- `api`       Paystack's endpoints
- `page`      the hosted pay page
- `webhooks`  signing, sending, retrying
- `faults`    what can be made to go wrong
- `control`   `/_sandbox/...`, which Paystack does not have
"""
