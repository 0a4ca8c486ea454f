# SPDX-License-Identifier: MIT
"""run.py: starts a server of several processes on a store of its own, sends a load at it, kills its processes now and
then, and judges what is left.

    run.py onsale SERVER TOOL DATA PROGRAM [--buyers N] [--seats N] [--threads N] [--early PERCENT] [--kills N] …
    run.py mix    SERVER TOOL DATA PROGRAM [--seconds N] [--threads N] …

onsale: a crowd through the waiting room (onsale.c says what it asserts); afterwards the store's check, and as many tickets
as there are seats. mix: everything at once for so long (mix.c); the memory of each process is looked at on the way and
must not grow. Both print one JSON object.
"""
import argparse
import hashlib
import json
import os
import signal
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
from service import STAFF, Service  # noqa: E402

SECTIONS, ROWS = 20, 25


def arguments():
    p = argparse.ArgumentParser()
    p.add_argument("what", choices=("onsale", "mix"))
    p.add_argument("server")
    p.add_argument("tool")
    p.add_argument("data")
    p.add_argument("program")
    p.add_argument("--buyers", type=int, default=100000)
    p.add_argument("--seats", type=int, default=20000)
    p.add_argument("--threads", type=int, default=64)
    p.add_argument("--early", type=int, default=60)
    p.add_argument("--join-seconds", type=int, default=20)
    p.add_argument("--kills", type=int, default=3)
    p.add_argument("--per-minute", type=int, default=60000)
    p.add_argument("--active", type=int, default=5000)
    p.add_argument("--processes", type=int, default=2)
    p.add_argument("--seconds", type=int, default=3600)
    p.add_argument("--rate", type=int, default=2000, help="requests a second; 0: as many as can be")
    p.add_argument("--seed", type=int, default=int(time.time()))
    p.add_argument("--json")
    return p.parse_args()


class Hall(Service):
    """A service whose hall has `seats` seats in SECTIONS × ROWS."""

    def __init__(self, a, **settings):
        super().__init__(a.server, a.tool, a.data, processes=a.processes, threads=8, **settings)
        self.seats = a.seats

    def chart(self):
        a_row = self.seats // (SECTIONS * ROWS)
        assert a_row * SECTIONS * ROWS == self.seats, f"seats come in {SECTIONS * ROWS}s"
        sections = [{"name": f"Block {s + 1}", "rows": [{"name": str(r + 1), "seats": [
            {"label": str(n + 1), "x": (s % 5) * (a_row + 3) * 25 + n * 25, "y": (s // 5) * (ROWS + 3) * 25 + r * 25}
            for n in range(a_row)]} for r in range(ROWS)]} for s in range(SECTIONS)]
        path = os.path.join(self.dir, "hall.json")
        with open(path, "w", encoding="utf-8") as out:
            json.dump({"venue": "arena", "sections": sections}, out)
        return path


def utc(instant):
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(instant)) + "Z"


class Memory(threading.Thread):
    """The anonymous memory of each process, by its number in the server, once in `pause` seconds."""

    def __init__(self, service, pause):
        super().__init__(daemon=True)
        self.service, self.pause, self.ends, self.seen = service, pause, threading.Event(), {}

    def run(self):
        while not self.ends.wait(self.pause):
            for pid in self.service.workers():
                try:
                    with open(f"/proc/{pid}/status", encoding="ascii") as file:
                        kib = next(int(line.split()[1]) for line in file if line.startswith("RssAnon:"))
                except (OSError, StopIteration):
                    continue
                self.seen.setdefault(pid, []).append(round(kib / 1024, 1))

    def stop(self):
        self.ends.set()
        self.join()


def strike(s, kills, begins, spread, done):
    for i in range(kills):
        if done.wait(max(0, begins + i * spread - time.time())):
            return
        os.kill(s.workers()[0], signal.SIGKILL)  # the eldest: the one before has a successor by now


def onsale(a, s):
    event = s.event
    opens = int(time.time()) + a.join_seconds
    room = {"opens": utc(opens), "perMinute": a.per_minute, "burst": max(1, a.active // 4), "active": a.active, "claimMs": 30000,
            "sessionMs": 60000, "graceMs": 60000, "partyPercent": 100}
    status, _, told = s.call("PUT", f"/events/{event}/queue/room", room, role=STAFF)
    assert status == 200, told
    done = threading.Event()
    s.restarts_expected = a.kills > 0
    killer = threading.Thread(target=strike, args=(s, a.kills, opens + 3, 4, done))
    killer.start()
    memory = Memory(s, 1)
    memory.start()
    run = subprocess.run([a.program, s.url, str(event), str(a.buyers), str(a.threads), str(a.early), str(a.seed)],
                         stdout=subprocess.PIPE, text=True)
    done.set()
    killer.join()
    memory.stop()
    got = json.loads(run.stdout)
    sales = s.call("GET", f"/events/{event}/sales", role=STAFF)[2]
    got.update(seed=a.seed, processes=a.processes, ticketsInTheStore=sales["tickets"], memoryMiB=max(x for m in memory.seen.values() for x in m))
    print(json.dumps(got))
    assert run.returncode == 0, "unfair, lost, or sold twice: see above"
    commitment = s.call("GET", f"/events/{event}/queue/room")[2]
    assert commitment["commitment"] == told["commitment"], "the promise about the seed changed"
    assert hashlib.sha256(bytes.fromhex(commitment["seed"])).hexdigest() == told["commitment"], "another seed than was promised"
    assert sales["tickets"] == got["seatsSold"] <= a.seats, (sales, got["seatsSold"], a.seats)
    assert a.buyers * 1.3 < a.seats * 2 or sales["tickets"] == a.seats, "seats are left, and buyers too"
    return got


def mix(a, s):
    """The first tenth of the run is for warming up: caches fill, tables take their size."""
    waiting = s.tickets("search", "football", "--sort", "date", "--page-size", "1")["events"][0]["eventId"]
    s.tickets("ga", str(waiting), "Standing", "400")
    status, _, told = s.call("PUT", f"/events/{waiting}/queue/room", {"perMinute": 60000, "active": 200, "claimMs": 2000}, role=STAFF)
    assert status == 200, told
    memory = Memory(s, max(1, a.seconds / 360))
    memory.start()
    run = subprocess.run([a.program, s.url, str(s.event), str(waiting), str(a.seconds), str(a.threads), str(a.rate), str(a.seed)],
                         stdout=subprocess.PIPE, text=True)
    memory.stop()
    got = json.loads(run.stdout)
    seen = list(memory.seen.values())
    got["memoryMiB"] = [m[len(m) // 10::max(1, len(m) // 10)] for m in seen]
    print(json.dumps(got))
    assert run.returncode == 0, "an answer was wrong: see above"
    for m in seen:  # medians of the second tenth and of the last
        tenth = max(1, len(m) // 10)
        first, last = (sorted(part)[len(part) // 2] for part in (m[tenth:2 * tenth] or m, m[-tenth:]))
        assert a.seconds < 600 or last <= first * 1.1 + 4, f"memory grew from {first} to {last} MiB"
    return got


def main():
    a = arguments()
    with Hall(a) as s:
        got = onsale(a, s) if a.what == "onsale" else mix(a, s)
    if a.json:
        with open(a.json, "w", encoding="utf-8") as out:
            json.dump(got, out, indent=1)


main()
