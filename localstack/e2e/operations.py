"""Every endpoint, as infra/api/openapi.json describes it, with its sample request from events/api. What is generated
from here covers a new endpoint on the day it is added."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from settings import ROOT

DESCRIPTION = ROOT / "infra" / "api" / "openapi.json"
ROLES = ("platform_admin", "owner", "manager", "staff", "viewer", "customer", "guest")
# A path parameter that takes other things than an id has no type of its own: what else it takes.
BY_PATH = {"/products/": "ProductId"}
PREFIXES = {
    "TenantId": "ten", "StoreId": "sto", "AccountId": "acc", "SessionId": "ses", "OnboardingId": "onb",
    "ProductId": "prd", "VariantId": "var", "CartId": "car", "OrderId": "ord", "PaymentId": "pay", "RefundId": "ref",
    "ReturnId": "ret", "CouponId": "cpn", "RateRuleId": "rrl",
}  # fmt: skip

Json = dict[str, Any]
_api: Json = json.loads(DESCRIPTION.read_text())


@dataclass(frozen=True)
class Operation:
    id: str
    method: str
    path: str
    description: Json

    def __str__(self) -> str:
        return self.id

    @property
    def is_public(self) -> bool:
        return self.description["x-selleasi"]["access"] == "public"

    @property
    def roles(self) -> tuple[str, ...]:
        return tuple(self.description["x-selleasi"].get("roles", ()))

    @property
    def needs_store(self) -> bool:
        return self.description["x-selleasi"]["store"] in (True, "required")

    @property
    def needs_key(self) -> bool:
        return self.description["x-selleasi"]["idempotency"] == "required"

    @property
    def good_status(self) -> int:
        return int(next(status for status in self.description["responses"] if status.startswith("2")))

    @property
    def body_schema(self) -> Json | None:
        content = self.description.get("requestBody", {}).get("content", {})
        return content.get("application/json", {}).get("schema")

    def parameters(self, place: str) -> dict[str, Json]:
        found = [resolve(p) for p in self.description.get("parameters", [])]
        return {p["name"]: p["schema"] for p in found if p["in"] == place}

    def sample_body(self) -> Any:
        """A body that breaks no rule."""
        if self.body_schema is None:
            return None
        return json.loads(json.loads((ROOT / "events" / "api" / f"{self.id}.json").read_text())["body"])

    def id_types(self) -> dict[str, str]:
        """Of the path's parameters: `{"id": "ProductId", "vid": "VariantId"}`."""
        return {name: self._id_type(name, schema) for name, schema in self.parameters("path").items()}

    def _id_type(self, name: str, schema: Json) -> str:
        known = id_type(schema) or next((kind for path, kind in BY_PATH.items() if self.path.startswith(path)), None)
        assert known, f"{self.id}: what is an id of {{{name}}}? Tell it in e2e/operations.py"
        return known

    def url(self, ids: dict[str, str]) -> str:
        """The path with these ids, by type."""
        types = self.id_types()
        return re.sub(r"{(\w+)}", lambda found: ids[types[found[1]]], self.path)


def id_type(schema: Json) -> str | None:
    name = (schema.get("$ref") or next((s["$ref"] for s in schema.get("allOf", []) if "$ref" in s), "")).rsplit("/")[-1]
    return name if name in PREFIXES else None


def resolve(schema: Json) -> Json:
    """Without `$ref`, and without the wrapping that a nullable or a described reference has."""
    while "$ref" in schema:
        found: Any = _api
        for part in schema["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        schema = found
    if len(schema.get("allOf", [])) == 1:
        return resolve(schema["allOf"][0]) | {k: v for k, v in schema.items() if k != "allOf"}
    choices = [s for s in schema.get("anyOf", []) if s.get("enum") != [None]]
    if len(choices) == 1:
        return resolve(choices[0]) | {"nullable": True}
    return schema


def operations() -> list[Operation]:
    return [
        Operation(description["operationId"], method.upper(), path, description)
        for path, item in _api["paths"].items()
        for method, description in item.items()
        if method in ("get", "post", "put", "patch", "delete")
    ]


# Bodies that are wrong.


@dataclass(frozen=True)
class BadBody:
    what: str
    body: Any
    # Whether it has to be refused for what it is; else it only must not break anything.
    must_fail: bool = True


WRONG_TYPES = {
    "string": (12_345, True, ["x"], {"x": 1}),
    "integer": ("1", 1.5, True, [], {}),
    "boolean": ("true", 1, [], {}),
    "object": ("x", 1, []),
    "array": ("x", 1, {}),
}
BEYOND_INTEGERS = (2**63, 2**64, -(2**63) - 1, 10**30)


def bad_bodies(operation: Operation) -> Iterator[BadBody]:
    schema, sample = operation.body_schema, operation.sample_body()
    assert schema is not None
    for pointer, part_schema, value in _parts((), resolve(schema), sample):
        where = "/" + "/".join(map(str, pointer))
        for what, bad, must_fail in _bad_values(part_schema, value):
            yield BadBody(f"{where}: {what}", _with(sample, pointer, bad), must_fail)
        if isinstance(value, dict) and part_schema.get("additionalProperties") is False:
            yield BadBody(f"{where}: unknown field", _with(sample, pointer, value | {"no_such_field": 1}))
            for name in part_schema.get("required", []):
                rest = {key: inner for key, inner in value.items() if key != name}
                yield BadBody(f"{where}: without {name}", _with(sample, pointer, rest))


def _parts(pointer: tuple, schema: Json, value: Any) -> Iterator[tuple[tuple, Json, Any]]:
    """Every part of a sample, with the schema it follows."""
    yield pointer, schema, value
    if isinstance(value, dict):
        for name, inner in value.items():
            if name in schema.get("properties", {}):
                yield from _parts((*pointer, name), resolve(schema["properties"][name]), inner)
    elif isinstance(value, list) and value and "items" in schema:
        yield from _parts((*pointer, 0), resolve(schema["items"]), value[0])


def _bad_values(schema: Json, value: Any) -> Iterator[tuple[str, Any, bool]]:
    kind = schema.get("type", "")
    for wrong in WRONG_TYPES.get(kind, ()):
        yield f"{json.dumps(wrong)} for a {kind}", wrong, True
    if kind == "object" and schema.get("required"):
        yield "a list of its values", [value.get(name) for name in schema["required"]], True
    if not schema.get("nullable"):
        yield "null", None, True
    if kind == "integer":
        for beyond in BEYOND_INTEGERS:
            yield f"{beyond}", beyond, True
        # Money has no bound of its own in the schema; no price is negative.
        yield "negative", -1, schema.get("minimum", -1) >= 0 or "minor unit" in schema.get("description", "").lower()
        if "maximum" in schema:
            yield "too large", schema["maximum"] + 1, True
        if "minimum" in schema:
            yield "too small", schema["minimum"] - 1, True
    if kind == "string":
        if "maxLength" in schema:
            yield "too long", "x" * (schema["maxLength"] + 1), True
        if schema.get("minLength"):
            # An optional text that is empty was not given.
            yield "empty", "", not schema.get("nullable")
        if "enum" in schema or "pattern" in schema:
            yield "none of those allowed", "no-such-value", True
        yield "a control character", "a\u0000b", False
        yield "half a character", "\ud800", True
    if kind == "array" and "maxItems" in schema and value:
        yield "too many", value * (schema["maxItems"] + 1), True


def _with(document: Any, pointer: tuple, value: Any) -> Any:
    if not pointer:
        return value
    changed = copy.deepcopy(document)
    place = changed
    for part in pointer[:-1]:
        place = place[part]
    place[pointer[-1]] = value
    return changed


def id_fields(schema: Json | None, sample: Any) -> list[tuple[tuple, str]]:
    """Where a body holds ids, and of what."""
    found = []
    if schema is not None and isinstance(sample, dict):
        properties = resolve(schema).get("properties", {})
        for name, inner in properties.items():
            if name in sample and (kind := id_type(inner)):
                found.append(((name,), kind))
    return found


def with_ids(operation: Operation, ids: dict[str, str]) -> Any:
    """The sample body, with these ids wherever it has some."""
    body = operation.sample_body()
    for pointer, kind in id_fields(operation.body_schema, body):
        body = _with(body, pointer, ids[kind])
    return body
