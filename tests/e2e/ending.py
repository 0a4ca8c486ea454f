# SPDX-License-Identifier: MIT
"""ending.py SERVER TOOL DATA: SIGTERM while people buy: what was carried out is answered, and nothing is begun any more."""
import http.client
import json
import os
import signal
import socket
import sys
import threading
import time

from service import STAFF, Service

CLIENTS, ROUNDS = 8, 3


class Buyers:
    """Clients that keep their connections and ask again and again; what they are told is counted."""

    def __init__(self, s, ask, again=False):
        self.s, self.ask, self.again, self.answers, self.over = s, ask, again, [], False
        self.threads = [threading.Thread(target=self.run, args=(i,)) for i in range(CLIENTS)]
        for t in self.threads:
            t.start()

    def run(self, who):
        connection = None
        while not self.over:
            try:
                connection = connection or http.client.HTTPConnection("127.0.0.1", self.s.port, timeout=60)
                path, body = self.ask(who)
                connection.request("POST", path, json.dumps(body), {"Cookie": f"tkt_session={who + 1:032x}"})
                answer = connection.getresponse()
                answer.read()
                self.answers.append(answer.status)
                if answer.status == 503 and not self.again:
                    return
                if answer.will_close:
                    connection.close()
            except ConnectionRefusedError:
                return
            except (OSError, http.client.HTTPException):  # it was closed: nothing may have come of what was asked
                connection = None

    def end(self):
        self.over = True
        for t in self.threads:
            t.join()


def count(s, state):
    return s.call("GET", f"/events/{s.lawn}/sales", role=STAFF)[2]["places"][state]


def ended(s, ask, made, good, seconds=0.1):
    """SIGTERM meanwhile; the service comes again. How many were answered well, and how many were made."""
    before = count(s, made)
    buyers = Buyers(s, ask)
    time.sleep(seconds)
    s.stop()
    buyers.end()
    s.start()
    answered = buyers.answers.count(good)
    assert count(s, made) - before == answered, f"{count(s, made) - before} made, {answered} answered"
    assert answered > 0, buyers.answers[:20]
    return answered


def late(s):
    """A request that never comes whole keeps the process for a while: meanwhile nothing new is begun, on an old connection neither."""
    old = http.client.HTTPConnection("127.0.0.1", s.port, timeout=60)
    old.request("GET", "/health")
    old.getresponse().read()
    half = socket.create_connection(("127.0.0.1", s.port))
    half.sendall(b"POST /events/4/reservations HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
    before = count(s, "booked")
    time.sleep(0.2)
    s.process.send_signal(signal.SIGTERM)
    time.sleep(1)
    old.request("POST", f"/bookings/{s.lawn}", json.dumps({"areaId": 1, "quantity": 1, "paymentDetails": "slow"}), {"Cookie": "tkt_session=" + "f" * 32})
    answer = old.getresponse()
    assert answer.status == 503 and answer.getheader("Connection") == "close", answer.status
    assert json.loads(answer.read())["code"] == "ending"
    assert s.try_call("GET", "/health")[0] == 0  # a new connection is refused at once, and not left waiting
    assert s.process.wait(30) == 0
    half.close()
    s.process.stdout.close()
    s.start()
    assert count(s, "booked") == before


def one_of_two(s):
    """SIGTERM to one process while people buy: it is started anew, and nobody who comes meanwhile is left without an answer."""
    before, end = count(s, "reserved"), threading.Event()
    buyers = Buyers(s, lambda who: (f"/events/{s.lawn}/reservations", {"areaId": 1, "quantity": 1}), again=True)
    for _ in range(ROUNDS):
        gone = s.workers()[0]
        os.kill(gone, signal.SIGTERM)
        for _ in range(20):
            # Whom the ending process had taken already is told to come again, or finds his connection closed.
            assert 200 in (s.try_call("GET", "/health")[0] for _ in range(3))
            end.wait(0.05)
        assert gone not in s.workers() and len(s.workers()) == 2
    buyers.end()
    answered = buyers.answers.count(201)
    assert count(s, "reserved") - before == answered > 0, (before, count(s, "reserved"), answered)
    return answered


def lawn(s):
    """An event with room for all that these clients ask for."""
    event = next(e for e in s.call("GET", "/events/search?pageSize=50")[2] if e["id"] != s.event)["id"]
    s.tickets("ga", str(event), "Lawn", "1000000")
    s.tickets("price", str(event), "Lawn", "12.00", "EUR")
    return event


def main():
    place = {"areaId": 1, "quantity": 1}
    with Service(*sys.argv[1:4], processes=2, ttl_seconds=600) as s:
        s.lawn, reserved = lawn(s), 0
        for _ in range(ROUNDS):
            reserved += ended(s, lambda who: (f"/events/{s.lawn}/reservations", place), "reserved", 201)
        # Each waits for the bank: those who keep on asking don't keep the server.
        booked = ended(s, lambda who: (f"/bookings/{s.lawn}", {**place, "paymentDetails": "slow"}), "booked", 201, 0.5)
    with Service(*sys.argv[1:4], processes=1) as s:
        s.lawn = lawn(s)
        late(s)
    with Service(*sys.argv[1:4], processes=2, ttl_seconds=600) as s:
        s.lawn, s.restarts_expected = lawn(s), True
        reserved += one_of_two(s)
    print(f"{reserved} reservations and {booked} bookings were made while servers ended, and all were answered")


main()
