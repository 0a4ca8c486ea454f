# SPDX-License-Identifier: MIT
#
# tests/bench/booking/run.py: the booking benchmark: every engine in turn, round by round, and the table of
# medians and ratios. Called by ../run.sh.
#
#   run.py BUILD [--quick] [--rounds N] [--seconds N] [--clients N,N…] [--only ENGINE]… [--json FILE]
#
# Starts its own Redis and PostgreSQL on 127.0.0.1, in a folder that is removed at the end, and stops them.
import argparse
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from peers import PostgresServer, RedisServer  # noqa: E402

FIGURES = ("perSecond", "p50", "p99", "p999", "max", "bytesPerOp")


def arguments():
    p = argparse.ArgumentParser(prog="run.sh booking")
    p.add_argument("build")
    p.add_argument("--quick", action="store_true", help="one round of a second, 1 and 64 clients")
    p.add_argument("--rounds", type=int)
    p.add_argument("--seconds", type=int)
    p.add_argument("--clients")
    p.add_argument("--only", action="append", default=[])
    p.add_argument("--json")
    a = p.parse_args()
    a.rounds = a.rounds or (1 if a.quick else 5)
    a.seconds = a.seconds or (1 if a.quick else 2)
    a.clients = [int(n) for n in (a.clients or ("1,64" if a.quick else "1,4,16,64")).split(",")]
    return a


def read_json(command):
    out = subprocess.run([str(c) for c in command], check=True, capture_output=True, text=True).stdout
    return json.loads(out.splitlines()[-1])


class Engine:
    """One side. `prepare` makes empty data for a kind of sale, `run` sells; bookings are numbered on over the rounds."""

    def __init__(self, tools, folder, program, *more):
        self.tools, self.folder, self.program, self.more = tools, folder, program, more
        self.next = {}

    def place(self, kind):
        return os.path.join(self.folder, f"{self.name}-{kind}")

    def prepare(self, kind):
        pass

    def start(self):
        pass

    def stop(self):
        pass

    def written(self):
        return None

    def run(self, kind, clients, seconds):
        if kind not in self.next:
            self.prepare(kind)
            self.next[kind] = 0
        before = self.written()
        got = read_json([os.path.join(self.tools, "bench_booking_" + self.program), self.place(kind), kind, clients,
                         seconds, self.next[kind], *self.more])
        if before is not None:
            got["bytesPerOp"] = (self.written() - before) / got["calls"]
        self.next[kind] = got["next"]
        return got


class Ours(Engine):
    def prepare(self, kind):
        make = [os.path.join(self.tools, "bench_booking_ours"), self.place(kind), "make"]
        subprocess.run(make + (["plain"] if "plain" in self.name else []), check=True)


class Redis(Engine):
    def start(self):
        self.server = RedisServer(self.folder, self.name)
        self.server.start()

    def stop(self):
        self.server.stop()

    def place(self, kind):
        return str(self.server.port)

    def written(self):
        return int(re.search(r"aof_current_size:(\d+)", self.server.ask("info", "persistence")).group(1))

    def run(self, kind, clients, seconds):  # both kinds in one server: numbers far apart, events are the same
        if kind != getattr(self, "last", kind):
            self.server.ask("flushall")
        self.last = kind
        return super().run(kind, clients, seconds)


class Postgres(Engine):
    def start(self):
        self.server = PostgresServer(self.folder, self.name)
        self.server.start()

    def stop(self):
        self.server.stop()

    def place(self, kind):
        return f"{self.server.base()} dbname={kind}"

    def prepare(self, kind):
        self.server.sql(f"CREATE DATABASE {kind}")
        subprocess.run([os.path.join(self.tools, "bench_booking_postgres"), self.place(kind), "make"], check=True,
                       stderr=subprocess.DEVNULL)

    def written(self):
        return int(self.server.sql("SELECT wal_bytes FROM pg_stat_wal"))


SIDES = {  # name: (class, program, further arguments, kinds, the clients it is run with; None: all)
    "ours": (Ours, "ours", (), ("spread", "hot"), None),
    "ours, no journal": (Ours, "ours", (), ("spread", "hot"), None),
    "ours, by callback": (Ours, "ours", ("callback",), ("spread", "hot"), (64,)),
    "ours, batches of 128": (Ours, "ours", ("batch", "128"), ("spread", "hot"), (2,)),
    "redis": (Redis, "redis", (), ("spread", "hot"), None),
    "redis, pipelined": (Redis, "redis", ("64",), ("spread", "hot"), (4,)),
    "sqlite": (Engine, "sqlite", ("plain",), ("spread", "hot"), None),
    "sqlite, group commit": (Engine, "sqlite", ("group",), ("spread", "hot"), None),
    "postgres, one call": (Postgres, "postgres", ("call",), ("spread", "hot"), None),
    "postgres, row locks": (Postgres, "postgres", ("locks",), ("spread", "hot"), None),
    "lmdb": (Engine, "lmdb", (), ("spread", "hot"), None),
    "lmdb, one 1-KiB put": (Engine, "lmdb", (), ("put",), (1,)),
    "fdatasync": (Engine, "lmdb", (), ("sync",), (1,)),
}


def measure(a, folder):
    tools = os.path.join(a.build, "tests/bench/booking")
    results, engines = {}, {}
    try:
        for name, (kind_of, program, more, _, _) in SIDES.items():
            if a.only and name not in a.only:
                continue
            engines[name] = kind_of(tools, folder, program, *more)
            engines[name].name = re.sub(r"\W+", "-", name.replace("no journal", "plain"))
            engines[name].start()
        for turn in range(a.rounds):
            for name, engine in engines.items():
                for kind in SIDES[name][3]:
                    for clients in SIDES[name][4] or a.clients:
                        print(f"{time.strftime('%H:%M:%S')} round {turn + 1}: {name}, {kind}, {clients}",
                              file=sys.stderr, flush=True)
                        got = engine.run(kind, clients, a.seconds)
                        results.setdefault((kind, clients, name), []).append(got)
    finally:
        for engine in engines.values():
            engine.stop()
    return results


def medians(results):
    return {key: {f: statistics.median(r[f] for r in runs) for f in FIGURES} for key, runs in results.items()}


def ratio(m, kind, clients, name, against, other=None):
    """Ours by the peer's rate, of the same run."""
    mine, theirs = m.get((kind, clients, name)), m.get((kind, other or clients, against))
    return mine["perSecond"] / theirs["perSecond"] if mine and theirs else None


def show(m):
    lines = []
    for kind in ("spread", "hot", "put", "sync"):
        for clients in sorted({c for k, c, _ in m if k == kind}):
            for (k, c, name), f in m.items():
                if k == kind and c == clients:
                    lines.append(f"| {kind} | {clients} | {name} | {f['perSecond']:,.0f} | {f['p50']:,.0f} | {f['p99']:,.0f} | "
                                 f"{f['p999']:,.0f} | {f['max']:,.0f} | {f['bytesPerOp']:,.0f} |")
    return ["| sale | clients | side | transactions/s | p50 µs | p99 | p99.9 | max | bytes each |",
            "|---|---|---|---|---|---|---|---|---|", *lines]


def budgets(m):
    asked = []
    for kind in ("spread", "hot"):
        asked += [(f"{kind}, 64 clients, by redis", ratio(m, kind, 64, "ours", "redis"), 2),
                  (f"{kind}, 64 clients, by postgres (one call)", ratio(m, kind, 64, "ours", "postgres, one call"), 5),
                  (f"{kind}, 64 clients, by sqlite (group commit)", ratio(m, kind, 64, "ours", "sqlite, group commit"), None),
                  (f"{kind}, batches of 128, by redis pipelined",
                   ratio(m, kind, 2, "ours, batches of 128", "redis, pipelined", 4), 3)]
    one, floor = m.get(("spread", 1, "ours")), m.get(("put", 1, "lmdb, one 1-KiB put"))
    if one and floor:
        asked.append(("one client: p50 by an LMDB commit of 1 KiB (at most)", one["p50"] / floor["p50"], 1.3))
    disk, ours = m.get(("sync", 1, "fdatasync")), m.get(("spread", 64, "ours"))
    if disk and ours:
        asked.append(("spread, 64 clients: p99.9 by the larger of 20 ms and 3 × fdatasync's (at most)",
                      ours["p999"] / max(20000, 3 * disk["p999"]), 1))
    return [(what, value, bar) for what, value, bar in asked if value is not None]


def main():
    a = arguments()
    folder = tempfile.mkdtemp(prefix="tkt-bench-booking-", dir="/var/tmp")
    os.chmod(folder, 0o755)
    try:
        results = measure(a, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    m = medians(results)
    print("\n".join(show(m)))
    print("\n| ratio | measured | budget |\n|---|---|---|")
    for what, value, bar in budgets(m):
        print(f"| {what} | {value:.2f} | {'–' if bar is None else bar} |")
    if a.json:
        with open(a.json, "w", encoding="utf-8") as out:
            json.dump([{"sale": k, "clients": c, "side": n, **f} for (k, c, n), f in m.items()], out, indent=1)


main()
