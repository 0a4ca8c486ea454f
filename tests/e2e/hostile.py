# SPDX-License-Identifier: MIT
"""hostile.py SERVER TOOL DATA: a hundred requests that mean no good, each with the answer it must get.

What comes over the wire is written byte by byte, so that nothing is put right on the way. After all of them the service
still answers, nothing of the store that should not have changed has, and the check is clean.
"""
import concurrent.futures
import json
import os
import signal
import socket
import subprocess
import sys
import time
import uuid

from service import OPERATOR, STAFF, Service

CASES = 100


class Wire:
    def __init__(self, s):
        self.s = s

    def send(self, raw, wait=10.0, whole=False):
        """The status of the answer; 0: the connection was closed without one. `whole`: all until it is closed is in `last`."""
        with socket.create_connection(("127.0.0.1", self.s.port), timeout=wait) as c:
            try:
                c.sendall(raw)
                head = b""
                while whole or b"\r\n" not in head:
                    more = c.recv(4096)
                    if not more:
                        break
                    head += more
            except (ConnectionResetError, BrokenPipeError):
                return 0
        self.last = head
        return int(head.split()[1]) if head.startswith(b"HTTP/1.1 ") else 0

    def get(self, target, *headers):
        lines = [f"GET {target} HTTP/1.1", "Host: x", "Connection: close", *headers]
        return self.send("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n")

    def post(self, target, body, *headers, method="POST"):
        body = body if isinstance(body, bytes) else json.dumps(body).encode()
        lines = [f"{method} {target} HTTP/1.1", "Host: x", "Connection: close", f"Content-Length: {len(body)}", *headers]
        return self.send("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body)


def framing(w, s):
    """Two ways to tell where a request ends, or for whom it is, are one too many; what follows on the line is not served."""
    for name, lines, body in (("two lengths", ("Content-Length: 2", "Content-Length: 40"), b"{}"),
                              ("a length and chunks", ("Content-Length: 40", "Transfer-Encoding: chunked"), b"2\r\n{}\r\n0\r\n\r\n"),
                              ("a space in a name", ("Content-Length : 5",), b"{}123"),
                              ("two hosts", ("Host: y", "Content-Length: 2"), b"{}"),
                              ("a length below nothing", ("Content-Length: -1",), b"")):
        smuggled = b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n"
        raw = b"POST /bookings/4 HTTP/1.1\r\nHost: x\r\n" + "\r\n".join(lines).encode() + b"\r\n\r\n" + body + smuggled
        yield name, w.send(raw, whole=True), {400}
        assert w.last.count(b'"status":"ok"') == 0, w.last
    for coding in (b"gzip", b"identity", b"chunked, identity"):
        yield "another coding", w.send(b"POST /bookings/4 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: " + coding + b"\r\n\r\n{}"), {501}
    yield "no host", w.send(b"GET /health HTTP/1.1\r\n\r\n"), {400}
    for host in (b"", b"a b/c", b"x@y"):
        yield "no host's name", w.send(b"GET /health HTTP/1.1\r\nHost: " + host + b"\r\n\r\n"), {400}
    for target in (b"http://", b"http://x", b"http://x?q=/health"):
        yield "another's page", w.send(b"GET " + target + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", whole=True), {200}
        assert b"<!doctype html>" in w.last, target
    yield "all of a target", w.send(b"GET http://x/health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", whole=True), {200}
    assert b'"status":"ok"' in w.last
    yield "a body without end", w.send(b"POST /bookings/4 HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000000\r\n\r\n"), {413}


def traversal(w, s):
    for target in ("/../../etc/passwd", "/..%2f..%2fetc%2fpasswd", "/%2e%2e/%2e%2e/etc/passwd", "//etc/passwd", "/app.js/../../main.c",
                   "/events/..", "/events/4/..%2f5", "/qr/../../etc/passwd.svg", "/qr/..%2f..%2f..%2f..%2fetc%2fpasswd.svg",
                   "/qr/AAAAAAAAAAAAAAAAAAAAAAAAAA.svg.svg"):
        yield target, w.get(target), {404}
    yield "NUL in a path", w.get("/events/4%00"), {400}
    yield "broken escape", w.get("/events/%4"), {400}
    yield "broken escape at the end", w.get("/events/%"), {400}
    yield "no UTF-8", w.get("/events/%ff%fe"), {400}
    yield "overlong slash", w.get("/events/%c0%af"), {400}
    yield "surrogate", w.get("/events/%ed%a0%80"), {400}
    yield "escaped twice", w.get("/events/%2534"), {404}
    yield "line feed in a path", w.get("/events/4%0d%0aX-Evil:%20yes"), {400}


def numbers(w, s):
    for value in ("0", "-1", "01", "9007199254740992", "99999999999999999999", "4.0", "4e0", "0x4", "%204", "+4", "four"):
        yield f"event {value}", w.get(f"/events/{value}"), {404}
    for q in ("page=0", "page=-1", "pageSize=0", "pageSize=1001", "page=99999999999999999999", "page=1000000&pageSize=1000&sort=relevance&keyword=a",
              "start=yesterday", "end=2027-13-01", "start=2028-01-01&end=2027-01-01", "near=91,0", "near=0", "near=a,b", "radius=5",
              "minPrice=1e9", "minPrice=-", "currency=euro", "sort=up", "match=some", "venue=x", "atLeast=0", "cursor=zzz", "language=klingon",
              "keyword=%ff", "keyword=" + "a" * 1100, "sort=distance"):
        yield q[:40], w.get(f"/events/search?{q}"), {400}
    yield "many parameters", w.get("/events/search?" + "&".join(f"a{i}=1" for i in range(100))), {400}
    yield "many filters", w.get("/events/search?" + "&".join("city=a" for _ in range(64)) + "&keyword=x"), {400}


def sizes(w, s):
    yield "long path", w.get("/" + "a" * 3000), {404, 414}
    yield "long query", w.get("/events/search?keyword=" + "a" * 9000), {414}
    yield "endless target", w.get("/" + "a" * 60000), {414, 431, 0}
    yield "many headers", w.get("/events/4", *[f"X-{i}: y" for i in range(150)]), {431}
    yield "endless header", w.get("/events/4", "X-Big: " + "y" * 60000), {431, 0}
    yield "large body", w.post(f"/events/{s.event}/reservations", b'{"ticketId":[' + b"1," * 40000 + b"1]}"), {413}
    yield "larger than it says", w.send(b"POST /events/4/reservations HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}{}{}{}"), {400}
    yield "negative length", w.send(b"POST /events/4/reservations HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\nConnection: close\r\n\r\n{}"), {400, 0}
    yield "length and chunks", w.send(b"POST /events/4/reservations HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n"
                                      b"Connection: close\r\n\r\n0\r\n\r\n"), {400, 0}
    yield "no HTTP", w.send(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 200 + b"\r\n\r\n"), {400, 0}
    yield "no version", w.send(b"GET /events/4\r\n\r\n"), {400, 0, 505}
    yield "another method", w.post("/events/4", b"", method="BREW"), {405}
    yield "TRACE", w.post("/events/4", b"", method="TRACE"), {405}
    yield "a method too many", w.post("/feed", b"{}"), {405}


def bodies(w, s):
    there = f"/events/{s.event}/reservations"
    for body in (b"", b"{", b"[]", b"null", b'"x"', b"\xff", b"{}", b'{"ticketId":[]}', b'{"ticketId":"x"}', b'{"ticketId":0}', b'{"ticketId":-1}',
                 b'{"ticketId":4294967296}', b'{"ticketId":1.5}', b'{"ticketId":1e2}', b'{"ticketId":[64,64]}', b'{"ticketId":[[64]]}',
                 b'{"ticketId":{"a":1}}', b'{"areaId":1}', b'{"quantity":2}', b'{"areaId":1,"quantity":501}', b'{"ticketId":[64],"ttlSeconds":0}',
                 b'{"ticketId":[64],"ttlSeconds":99999999999}', b'{"ticketId":[64],"ticketId":"no"}', b'{"a":' * 40 + b"1" + b"}" * 40,
                 json.dumps({"ticketId": list(range(64, 400))}).encode()):
        yield f"body {body[:40]!r}", w.post(there, body), {400}
    yield "a seat that is none", w.post(there, {"ticketId": [4000000]}), {404}
    yield "an area that is none", w.post(there, {"areaId": 99, "quantity": 1}), {404}
    yield "an event that is none", w.post("/events/999999/reservations", {"ticketId": [64]}), {404}
    yield "a key too long", w.post(there, {"ticketId": [64]}, f"Cookie: tkt_session={'a' * 32}\r\nIdempotency-Key: " + "k" * 300), {400}
    yield "a key that would be everybody's", w.post(there, {"ticketId": [64]}, "Idempotency-Key: order-1"), {401}
    yield "a member twice", w.post(f"/bookings/{s.event}", b'{"ticketId":[64],"ticketId":[65]}'), {400}
    yield "many members", w.post(f"/bookings/{s.event}", {f"m{i}": i for i in range(100)}), {400}
    yield "large details", w.post(f"/bookings/{s.event}", {"ticketId": [64], "paymentDetails": "x" * 20000}), {400}


def others(w, s):
    """What belongs to somebody else."""
    seat = iter(range(64, 71))
    key, me = str(uuid.uuid4()), {"Cookie": "tkt_session=" + "c" * 32}
    mine = s.call("POST", f"/events/{s.event}/reservations", {"ticketId": next(seat)}, {"Idempotency-Key": key, **me})
    token = mine[2]["holdToken"]
    near = token[:-1] + ("0" if token[-1] != "0" else "1")
    for method, path in (("GET", ""), ("DELETE", ""), ("POST", "/confirm"), ("POST", "/extend")):
        yield f"{method} with a near token", w.post(f"/reservations/{near}{path}", b"{}", method=method), {404}
    yield "a token of zeros", w.get("/reservations/" + "0" * 64), {404}
    yield "half a token", w.get("/reservations/" + token[:32]), {404}
    yield "a token of another event", w.get("/reservations/" + "f" * 16 + token[16:]), {404}
    again = s.call("POST", f"/events/{s.event}/reservations", {"ticketId": 64}, {"Idempotency-Key": key, **me})
    assert again[2]["holdToken"] == token and again[1]["idempotency-replayed"] == "true"
    yield "the same key by another session", s.call("POST", f"/events/{s.event}/reservations", {"ticketId": 64},
                                                    {"Idempotency-Key": key, "Cookie": "tkt_session=" + "b" * 32})[0], {409}
    yield "the same key for another seat", s.call("POST", f"/events/{s.event}/reservations", {"ticketId": 69}, {"Idempotency-Key": key, **me})[0], {422}
    yield "the same key by staff", s.call("POST", f"/events/{s.event}/reservations", {"ticketId": 64}, {"Idempotency-Key": key}, STAFF)[0], {409}
    booked = s.call("POST", f"/bookings/{s.event}", {"ticketId": next(seat), "paymentDetails": "ok"}, {"Cookie": "tkt_session=" + "a" * 32})
    number, owner = booked[2]["bookingId"], booked[1]["hold-token"]
    yield "another's booking", w.get(f"/bookings/{number}"), {404}
    yield "another's booking, another session", w.get(f"/bookings/{number}", "Cookie: tkt_session=" + "c" * 32), {404}
    yield "another's booking, another hold", w.get(f"/bookings/{number}", f"Hold-Token: {token}"), {404}
    yield "one's own by token", w.get(f"/bookings/{number}", f"Hold-Token: {owner}"), {200}
    yield "one's own by session", w.get(f"/bookings/{number}", "Cookie: tkt_session=" + "a" * 32), {200}
    yield "cancel by no staff", w.post(f"/bookings/{number}/cancel", b"", f"Hold-Token: {owner}"), {401}
    yield "refund by a wrong token", w.post(f"/bookings/{number}/refund", b"", "Authorization: Bearer " + STAFF[:-1]), {401}
    yield "news by staff", w.post("/payments/1/news", {"news": "approved"}, f"Authorization: Bearer {STAFF}"), {403}
    yield "feed by staff", w.get("/feed", f"Authorization: Bearer {STAFF}"), {403}
    yield "metrics by nobody", w.get("/metrics"), {401}
    yield "money taken, says the buyer", w.post(f"/bookings/{s.event}", {"ticketId": 66, "moneyTaken": True}), {403}
    yield "and the seat is free still", s.call("POST", f"/events/{s.event}/reservations", {"ticketId": 66})[0], {201}
    yield "a user's bookings", w.get("/users/1/bookings"), {404}
    yield "news of no payment", s.call("POST", "/payments/424242/news", {"news": "approved"}, role=OPERATOR)[0], {404}
    yield "news of another kind", s.call("POST", "/payments/1/news", {"news": "given"}, role=OPERATOR)[0], {400}
    yield "a feed cursor made up", s.call("GET", "/feed?cursor=" + "f" * 66, role=OPERATOR)[0], {400}
    # A double submit, at once and later: one booking.
    pay = {"Idempotency-Key": str(uuid.uuid4()), **me}
    first = s.call("POST", f"/reservations/{token}/confirm", {"paymentDetails": "ok"}, pay)
    second = s.call("POST", f"/reservations/{token}/confirm", {"paymentDetails": "ok"}, pay)
    assert first[2]["bookingId"] == second[2]["bookingId"] and second[0] == 201 and second[1]["idempotency-replayed"] == "true"
    # Submitted again while the bank has not got the order yet, by whichever process: it waits, nothing is charged twice.
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        slow = {"Idempotency-Key": str(uuid.uuid4()), **me}
        for path, body, role in ((f"/bookings/{s.event}", {"ticketId": 120, "paymentDetails": "slow"}, None), (None, {"paymentDetails": "slow"}, STAFF)):
            path = path or f"/bookings/{bought}/refund"
            one = pool.submit(s.call, "POST", path, body, slow, role)
            time.sleep(0.4)
            for _ in range(4):
                yield "submitted again meanwhile", s.call("POST", path, body, slow, role)[0], {202}
            status, _, answer = one.result()
            yield "and the first is served", status, {200, 201}
            bought = answer["bookingId"]
        yield "all of it went back, once", s.call("POST", path, body, {"Idempotency-Key": str(uuid.uuid4())}, STAFF)[0], {409}
        assert s.call("GET", f"/bookings/{bought}", role=STAFF)[2]["refundedMinor"] == 8000
    yield "a second payment for one hold", s.call("POST", f"/reservations/{token}/confirm", {"paymentDetails": "ok"})[0], {409}
    yield "a released hold's payment", s.call("DELETE", f"/reservations/{token}")[0], {409}


def slow_bank(s):
    """Payments that are with the bank, more than there are threads to serve with, hold nobody else up, however they are spelt."""
    paths = (f"/bookings/{s.event}", f"/bookings/{s.event}/", f"/%62ookings/{s.event}")
    with concurrent.futures.ThreadPoolExecutor(24) as pool:
        paying = [pool.submit(s.call, "POST", paths[unit % len(paths)], {"ticketId": unit, "paymentDetails": "slow"},
                              {"Cookie": f"tkt_session={unit:032x}"}) for unit in range(200, 224)]
        time.sleep(0.3)
        looks = 0
        while not any(p.done() for p in paying):
            assert s.call("GET", f"/events/{s.event}")[0] == 200
            looks += 1
        assert looks > 2, "looks waited for a bank"
        assert [p.result()[0] for p in paying] == [201] * len(paying)


def slow(s):
    """Clients that never finish hold nobody else up, and are let go."""
    held = []
    for raw in (b"GET /events/4 HT", b"POST /events/4/reservations HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{"):
        for _ in range(20):
            c = socket.create_connection(("127.0.0.1", s.port), timeout=30)
            c.sendall(raw)
            held.append(c)
    began = time.monotonic()
    assert s.call("GET", f"/events/{s.event}")[0] == 200
    assert time.monotonic() - began < 2
    for c in held:
        c.settimeout(s.settings["idle_seconds"] + 10)
        while c.recv(4096):
            pass
        c.close()


def streams(s):
    """A hundred open seat maps and one that never reads are no burden for a sale."""
    held = []
    for _ in range(100):
        c = socket.create_connection(("127.0.0.1", s.port), timeout=10)
        c.sendall(f"GET /events/{s.event}/seatmap/stream HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        held.append(c)
    assert s.call("POST", f"/events/{s.event}/reservations", {"ticketId": 101})[0] == 201
    for c in held[:99]:
        got = b""
        while b'"units":[101]' not in got and b"event: map" not in got:
            got += c.recv(65536)
        c.close()
    held[99].close()


def bodiless(s):
    """Answers that have no body leave the connection in step: the next one begins right behind their heads."""
    def both(first):
        with socket.create_connection(("127.0.0.1", s.port), timeout=10) as c:
            c.sendall(first.encode())
            c.settimeout(2)
            data = b""
            while b"\r\n\r\n" not in data:
                data += c.recv(65536)
            try:
                c.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                while piece := c.recv(65536):
                    data += piece
            except ConnectionError:
                pass
            return data.partition(b"\r\n\r\n")
    for first in (f"GET /events/{s.event}", f"HEAD /events/{s.event}"):
        head, _, rest = both(f"{first} HTTP/1.1\r\nHost: x\r\nIf-None-Match: *\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 304") and rest.startswith(b"HTTP/1.1 200"), (head, rest)
    head, _, rest = both(f"HEAD /events/{s.event}/seatmap/stream HTTP/1.1\r\nHost: x\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200") and b"Content-Length" not in head and b"chunked" not in head and rest == b"", (head, rest)


def log_with(s, words):
    """The access log once the line is in it: an answer is on its way before its line is."""
    until = time.monotonic() + 10
    while words not in (log := open(s.log, encoding="utf-8").read()):
        assert time.monotonic() < until, f"no line with {words}"
        time.sleep(0.01)
    return log


def too_often(s):
    """One address behind the proxy is slowed down, others are not; nobody is another by saying so before the proxy."""
    def write(address):
        return s.call("POST", f"/events/{s.event}/reservations", {}, {"X-Forwarded-For": address})
    asked = [write("10.0.0.1") for _ in range(40)]
    assert any(a[0] == 429 and a[1]["retry-after"] for a in asked) and asked[0][0] == 400
    assert write("10.0.0.2")[0] == 400
    assert write("10.9.9.9, 10.0.0.1")[0] in (400, 429)
    assert all(write(f"10.1.0.{i}, 10.0.0.3")[0] in (400, 429) for i in range(40))
    assert any(write(f"10.1.0.{i}, 10.0.0.3")[0] == 429 for i in range(40))
    # The port, or another address of his own network, makes nobody another.
    for own in ("10.0.0.5:{}", "2001:db8::{:x}", "[2001:db8:0:1::{:x}]:4000"):
        assert any(write(own.format(i + 1))[0] == 429 for i in range(40)), own
    # Four bytes are an address of their own in six as well.
    assert all(write(f"::ffff:10.0.7.{i}")[0] == 400 for i in range(1, 20))
    assert any(write("::ffff:10.0.8.1")[0] == 429 for _ in range(40)) and write("10.0.8.1")[0] == 429
    # A line of his own before that of the proxy.
    Wire(s).post(f"/events/{s.event}/reservations", {}, "X-Forwarded-For: 10.6.6.6", "X-Forwarded-For: 10.0.0.4")
    log = log_with(s, " 10.0.0.4 ")
    assert "10.6.6.6" not in log


def cannot_serve(server, store):
    """What can't be served is said once, before anything is announced."""
    web = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "examples", "server", "web")
    for args in (("--store", store + "-missing", "--web", web), ("--store", store, "--web", "/missing"),
                 ("--store", store, "--web", web, "--access-log", "/missing/log"), ("--store", store, "--web", web, "--connections", "0"),
                 ("--store", store, "--web", web, "--trust-proxy", "perhaps"), ("--store", store, "--web", web, "--config", "/tmp"),
                 ("--store", store, "--web", web, "--staff-token", "x" * 500)):
        done = subprocess.run([server, "--port", "0", *args], capture_output=True, text=True, timeout=30)
        assert done.returncode in (1, 2) and not done.stdout and done.stderr.count("\n") == 1, (args, done)
        assert "xxxx" not in done.stderr, "a secret was told"


def bytes_in_the_log(s):
    """What was sent of a body is what the log says: of a page too, and nothing of a HEAD."""
    n = len(s.call("GET", "/app.js")[2])
    s.call("HEAD", f"/events/{s.event}?head")
    log_with(s, f'"GET /app.js" 200 {n} ')
    log_with(s, f'"HEAD /events/{s.event}" 200 0 ')


def few_files(server, store):
    """Where the system allows fewer open files than connections are wanted, that is said, and beyond them nobody hangs."""
    web = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "examples", "server", "web")
    p = subprocess.Popen(["sh", "-c", 'ulimit -n 300; exec "$@"', "sh", server, "--port", "0", "--processes", "1", "--store", store, "--web", web],
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    port = int(p.stdout.readline().split(":")[-1].rstrip("/\n"))
    held = [socket.create_connection(("127.0.0.1", port), timeout=10) for _ in range(100)]
    held[-1].sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
    assert held[-1].recv(4096).startswith(b"HTTP/1.1 200")
    for c in held:
        c.close()
    p.send_signal(signal.SIGTERM)
    assert p.wait(20) == 0 and "108 of 4000" in p.stderr.read()
    p.stdout.close()


def full_house(server, store):
    """Beyond the connections that a process serves one waits, and is served when another goes."""
    web = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "examples", "server", "web")
    p = subprocess.Popen([server, "--port", "0", "--processes", "1", "--threads", "2", "--connections", "8", "--store", store, "--web", web],
                         stdout=subprocess.PIPE, text=True)
    port = int(p.stdout.readline().split(":")[-1].rstrip("/\n"))
    held = []
    for _ in range(9):
        held.append(socket.create_connection(("127.0.0.1", port), timeout=10))
        held[-1].sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
        if len(held) <= 8:
            assert held[-1].recv(4096).startswith(b"HTTP/1.1 200")
    held[-1].settimeout(0.3)
    try:
        raise AssertionError(held[-1].recv(4096))
    except TimeoutError:
        held.pop(0).close()
    held[-1].settimeout(10)
    assert held[-1].recv(4096).startswith(b"HTTP/1.1 200")
    for c in held:
        c.close()
    p.send_signal(signal.SIGTERM)
    assert p.wait(20) == 0
    p.stdout.close()


TOKEN = "0" * 32 + "00000007" + "89e66110" * 3  # of no hold


def counts_for_all(s):
    """Whichever process is asked, the figures of the service never go back."""
    seen = 0
    for _ in range(60):
        status, _, text = s.call("GET", "/metrics", role=OPERATOR)
        now = int(text.decode().split('ticketing_api_answers_total{status="2xx"} ')[1].split()[0])
        assert status == 200 and now > seen, (now, seen)
        seen = now


def stopped_at_once(server, store):
    """Whenever it is told to end, it does, and its processes with it."""
    web = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "examples", "server", "web")
    for ms in range(0, 24, 2):
        p = subprocess.Popen([server, "--port", "0", "--processes", "8", "--store", store, "--web", web],
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(ms / 1000)
        p.send_signal(signal.SIGTERM)
        p.wait(20)


def main():
    with Service(*sys.argv[1:4], processes=2, idle_seconds=2) as s:
        w, count = Wire(s), 0
        before = s.call("GET", f"/events/{s.event}/sales", role=STAFF)[2]["bookings"]
        assert before == 0
        for group in (framing, traversal, numbers, sizes, bodies, others):
            for name, status, allowed in group(w, s):
                assert status in allowed, f"{name}: {status}, not {sorted(allowed)}"
                count += 1
        counts_for_all(s)
        bytes_in_the_log(s)
        for token in (TOKEN, TOKEN[:40] + "".join(f"%{ord(c):x}" for c in TOKEN[40:])):
            assert s.call("GET", f"/reservations/{token}")[0] == 404
        slow_bank(s)
        slow(s)
        streams(s)
        bodiless(s)
        assert count >= CASES, count
        assert s.call("GET", f"/events/{s.event}/sales", role=STAFF)[2]["bookings"] == 3 + 24
        log = open(s.log, encoding="utf-8").read()
        assert "89e66110" in TOKEN and "%65%36%36" not in log and "e6611" not in log, "half of a token stands in the log"
        assert "X-Evil: yes\n" not in log and all(len(line.split('"')) == 3 for line in log.splitlines())
        print(f"{count} hostile requests answered as they must be")
    with Service(*sys.argv[1:4], processes=1, trust_proxy=1, writes_a_second=5) as s:
        too_often(s)
        stopped_at_once(s.server, s.store)
        cannot_serve(s.server, s.store)
        few_files(s.server, s.store)
        full_house(s.server, s.store)


main()
