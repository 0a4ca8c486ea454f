# SPDX-License-Identifier: MIT
"""openapi.py SERVER TOOL DATA [REQUESTS [SEED]]: the description drives requests to every path.

It is sound: every schema is one of JSON Schema 2020-12, every reference leads somewhere, every path's parameters are
there (that it names exactly the handler's routes is tests/unit/test_api.c's). Then requests are made of it, right ones and spoilt ones, with
ids and tokens that exist and such that do not, by callers of every role: no answer may be 5xx, and every answer must be
one that the description has, with a body that its schema allows.
"""
import json
import random
import re
import sys
import urllib.parse

from jsonschema import Draft202012Validator
from service import OPERATOR, STAFF, Service

SPOILT = ["", "0", "-1", "abc", "9" * 30, "%", "1e3", "ü", "true", "[1]", " ", "1.5", "\t", "💺"]
METHODS = ("get", "put", "post", "delete")


def resolve(spec, schema):
    while "$ref" in schema:
        at = spec
        for part in schema["$ref"].lstrip("#/").split("/"):
            at = at[part]
        schema = at
    return schema


def sound(spec):
    def walk(x):
        if isinstance(x, dict):
            if "$ref" in x:
                resolve(spec, x)
            for v in x.values():
                walk(v)
        elif isinstance(x, list):
            for v in x:
                walk(v)
    assert re.fullmatch(r"3\.1\.\d+", spec["openapi"]) and spec["info"]["title"] and spec["info"]["version"]
    walk(spec)
    for schema in spec["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)
    ids = set()
    for path, item in spec["paths"].items():
        for method, op in item.items():
            assert method in METHODS, method
            assert op["operationId"] not in ids, op["operationId"]
            ids.add(op["operationId"])
            named = {p["name"] for p in op.get("parameters", []) if p["in"] == "path"}
            assert named == set(re.findall(r"{(\w+)}", path)), path
            assert any(s.startswith("2") for s in op["responses"]) and "default" in op["responses"], path
            for p in op.get("parameters", []):
                Draft202012Validator.check_schema(p["schema"])
    return ids


class Maker:
    """Values of schemas."""

    def __init__(self, spec, rng, known):
        self.spec, self.rng, self.known = spec, rng, known
        self.good = False  # nothing is spoilt

    def text(self):
        words = ["mahler", "symphony", "new york", "café", "berlin", "\"carnegie hall\"", "-opera", "a", "conf*", "東京", "'; --", "<b>"]
        return " ".join(self.rng.choice(words) for _ in range(self.rng.randint(1, 3)))

    def of_pattern(self, pattern):
        if "a-f" in pattern:
            n = int(re.search(r"{(\d+)}", pattern).group(1))
            return "".join(self.rng.choice("0123456789abcdef") for _ in range(n))
        if "A-Z" in pattern:
            return self.rng.choice(["EUR", "USD", "JPY", "XXX"])
        if "," in pattern:
            return f"{self.rng.uniform(-80, 80):.4f},{self.rng.uniform(-90, 90):.4f}"
        return f"{self.rng.randint(0, 200)}.{self.rng.randint(0, 99):02d}"

    def of(self, schema):
        schema = resolve(self.spec, schema)
        if "oneOf" in schema:
            return self.of(self.rng.choice(schema["oneOf"]))
        if "enum" in schema:
            return self.rng.choice(schema["enum"])
        kind = schema.get("type")
        if kind == "integer":
            low, high = schema.get("minimum", 0), schema.get("maximum", 1 << 53)
            return self.rng.choice([low, high, min(high, low + self.rng.randint(0, 20)), self.rng.randint(low, high)])
        if kind == "boolean":
            return self.rng.random() < 0.5
        if kind == "array":
            return [self.of(schema["items"]) for _ in range(self.rng.randint(schema.get("minItems", 0), 4))]
        if kind == "object":
            return {k: self.of(v) for k, v in schema.get("properties", {}).items() if self.rng.random() < 0.6 or k in schema.get("required", [])}
        if kind == "string":
            if "pattern" in schema:
                return self.of_pattern(schema["pattern"])
            if schema.get("format", "").startswith("date"):
                return f"{self.rng.randint(2026, 2029)}-{self.rng.randint(1, 12):02d}-{self.rng.randint(1, 28):02d}"
            return self.text()
        return self.rng.choice([None, "decline", "4242", {"card": "4242"}, [1, {"a": None}], 12.5, True])

    def parameter(self, p):
        if not self.good and self.rng.random() < 0.15:
            return self.rng.choice(SPOILT)
        value = self.of(p["schema"])
        return str(value).lower() if isinstance(value, bool) else str(value)


def path_of(maker, path, op):
    rng, known = maker.rng, maker.known
    for name in re.findall(r"{(\w+)}", path):
        p = next(p for p in op["parameters"] if p["name"] == name)
        value = maker.parameter(p)
        if maker.good or rng.random() < 0.5:
            if name == "token" and known["tokens"]:
                value = rng.choice(known["tokens"][-3:])
            elif name == "id" and "/queue" in path:  # not the event that the other requests buy for
                value = "2"
            elif name == "id" and "events" in path:
                value = str(rng.choice(known["events"]))
            elif name == "id":
                value = str(rng.choice([1, 2, 3, 4, known["events"][0]]))
        path = path.replace("{" + name + "}", urllib.parse.quote(value, safe="") or "0")
    return path


def request_of(maker, path, method, op):
    rng = maker.rng
    maker.good = rng.random() < 0.5
    query = [(p["name"], maker.parameter(p)) for p in op.get("parameters", [])
             if p["in"] == "query" and (p.get("required") or rng.random() < 0.25)]
    headers = {p["name"]: maker.parameter(p).encode("ascii", "ignore").decode().strip() or "k"
               for p in op.get("parameters", []) if p["in"] == "header" and rng.random() < 0.5}
    url = path_of(maker, path, op) + ("?" + urllib.parse.urlencode(query) if query else "")
    body = None
    if "requestBody" in op:
        value = maker.of(op["requestBody"]["content"]["application/json"]["schema"])
        if maker.good and "ticketId" in resolve(maker.spec, op["requestBody"]["content"]["application/json"]["schema"])["properties"]:
            value = {"ticketId": rng.sample(maker.known["units"], rng.randint(1, 2)), "paymentDetails": "4242"}
        body = json.dumps(value).encode()
        if not maker.good and rng.random() < 0.15:
            body = rng.choice([b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"ticketId":"x"}', b'{"ticketId":[[[1]]]}', body[:-1], b"{" * 40])
    if rng.random() < 0.2:
        headers["Accept"] = rng.choice(["text/calendar", "application/ld+json", "image/svg+xml", "application/octet-stream", "*/*"])
    if maker.good or rng.random() < 0.5:  # without one there is no place in a queue and no idempotency key
        headers["Cookie"] = "tkt_session=" + rng.choice("ab") * 32
    roles = [None, STAFF, OPERATOR] if maker.good else [None, STAFF, "no such token"]
    return method.upper(), url, body, headers, rng.choice(roles)


def check_answer(spec, op, asked, status, headers, body):
    told = op["responses"].get(str(status), op["responses"]["default"] if status >= 400 else None)
    assert told is not None, f"{asked}: {status} is not described"
    if status in (204, 304):
        return
    kind = headers.get("content-type", "").split(";")[0]
    assert kind in told["content"], f"{asked}: {status} as {kind}"
    if "json" in kind:
        problems = list(Draft202012Validator({**told["content"][kind]["schema"], "components": spec["components"]}).iter_errors(body))
        assert not problems, f"{asked}: {problems[0].message} in {json.dumps(body)[:400]}"


def main():
    requests = int(sys.argv[4]) if len(sys.argv) > 4 else 1500
    seed = int(sys.argv[5]) if len(sys.argv) > 5 else 1
    with Service(*sys.argv[1:4], processes=1) as s:
        spec = s.call("GET", "/openapi.json")[2]
        ids = sound(spec)
        seats = [x["unit"] for sec in s.call("GET", f"/events/{s.event}/seatmap")[2]["sections"] for r in sec["rows"] for x in r["seats"]]
        known = {"events": [s.event, 1, 2], "tokens": [], "units": seats}
        maker = Maker(spec, random.Random(seed), known)
        asked, by_status = {}, {}
        operations = [(path, method, op) for path, item in spec["paths"].items() for method, op in item.items()]
        for i in range(requests):
            path, method, op = operations[i % len(operations)]
            if path.endswith("/stream"):
                continue
            what = request_of(maker, path, method, op)
            status, headers, body = s.call(what[0], what[1], raw=what[2], headers=what[3], role=what[4])
            assert status < 500, f"{what}: {status} {body}"
            check_answer(spec, op, what, status, headers, body)
            asked.setdefault(op["operationId"], set()).add(status)
            by_status[status] = by_status.get(status, 0) + 1
            if status < 300 and op["operationId"] in ("reserve", "replaceReservation") and "dryRun=true" not in what[1]:
                known["tokens"].append(body["holdToken"])
            if status < 300 and op["operationId"] in ("releaseReservation", "confirmReservation") and "dryRun=true" not in what[1]:
                gone = what[1].split("?")[0].split("/")[2]
                known["tokens"] = [t for t in known["tokens"] if t != gone or maker.rng.random() < 0.2]
        never = [i for i in ids if not any(x < 300 for x in asked.get(i, {200} if i.startswith("stream") else set()))]
        assert not never, f"no request of these went well: {never}"
        print(f"{len(ids)} operations, {requests} requests, seed {seed}: {dict(sorted(by_status.items()))}")


main()
