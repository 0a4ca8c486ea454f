# SPDX-License-Identifier: MIT
#
# tests/bench/view/run.py: the view benchmark: ours and a raw mdb_get in turn in one process, then the peers one after the
# other, and the table of medians and ratios. Called by ../run.sh.
#
#   run.py BUILD [--quick] [--events N] [--rounds N] [--keep DIR] [--only SIDE]… [--json FILE]
#
# Sides: ours (with mdb_get), sqlite, redis, postgres. Starts its own Redis and PostgreSQL on 127.0.0.1, in a folder that is
# removed at the end, and stops them. --keep: the store and the file of mdb_get stay in DIR and are used again.
import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from peers import PostgresServer, RedisServer  # noqa: E402

BUDGET = 1.3  # ours by mdb_get
PEERS = ("sqlite", "redis", "postgres")


def arguments():
    p = argparse.ArgumentParser(prog="run.sh view")
    p.add_argument("build")
    p.add_argument("--quick", action="store_true", help="100,000 events, three rounds")
    p.add_argument("--events", type=int)
    p.add_argument("--rounds", type=int)
    p.add_argument("--keep")
    p.add_argument("--only", action="append", default=[], choices=("ours", *PEERS))
    p.add_argument("--json")
    a = p.parse_args()
    a.events = a.events or (100000 if a.quick else 1000000)
    a.rounds = a.rounds if a.rounds is not None else (3 if a.quick else 5)
    a.only = a.only or ["ours", *PEERS]
    return a


def run(a, side, *args):
    print(time.strftime("%H:%M:%S"), side, *args[1:], file=sys.stderr, flush=True)
    command = [os.path.join(a.build, "tests/bench/view/bench_view_" + side), *map(str, args)]
    out = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    return json.loads(out) if out else None


def measure(a, side, where):
    run(a, side, where, "load", str(a.events))
    return run(a, side, where, "look", str(a.events), str(a.rounds))["rows"]


def measure_all(a, folder):
    got = {}
    if "ours" in a.only:
        ours = run(a, "ours", a.events, a.rounds, *([a.keep] if a.keep else []))
        a.events, got["ours"] = ours["events"], ours["rows"]
    if a.rounds == 0:
        return got
    if "sqlite" in a.only:
        path = os.path.join(folder, "sqlite")
        got["sqlite"] = measure(a, "sqlite", path)
        os.remove(path)
    if "redis" in a.only:
        with RedisServer(folder) as server:
            got["redis"] = measure(a, "redis", str(server.port))
    if "postgres" in a.only:
        with PostgresServer(folder) as server:
            got["postgres"] = measure(a, "postgres", server.base() + " dbname=postgres")
    return got


def merged(a, got):
    """One object a case, whatever sides there are; a peer's ratio is ours by it, of this run."""
    rows = {}
    for side, cases in got.items():
        for case in cases:
            rows.setdefault((case["ids"], case["readers"], case["commits"]), {}).update(case)
    for row in rows.values():
        for peer in PEERS:
            if "ours_ns" in row and peer + "_ns" in row:
                row["ours_by_" + peer] = round(row["ours_ns"] / row[peer + "_ns"], 4)
    return {"benchmark": "view", "events": a.events, "rounds": a.rounds, "budget_ratio": BUDGET, "rows": list(rows.values())}


def show(result):
    sides = [s for s in ("ours", "mdb_get", *PEERS) if any(s + "_ns" in row for row in result["rows"])]
    print("| ids | readers | commits a second | " + " | ".join(s + ", ns" for s in sides) + " | ours / mdb_get |")
    print("|" + "---|" * (len(sides) + 4))
    for row in result["rows"]:
        print(f"| {row['ids']} | {row['readers']} | {row['commits'] or '–'} | " +
              " | ".join(f"{row.get(s + '_ns', 0):,.0f}" for s in sides) + f" | {row.get('ratio', 0):.2f} |")


def main():
    a = arguments()
    folder = tempfile.mkdtemp(prefix="tkt-bench-view-", dir="/var/tmp")
    os.chmod(folder, 0o755)
    try:
        result = merged(a, measure_all(a, folder))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    show(result)
    print(json.dumps(result))
    if a.json:
        with open(a.json, "w", encoding="utf-8") as out:
            json.dump(result, out, indent=1)


main()
