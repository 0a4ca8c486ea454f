# SPDX-License-Identifier: MIT
#
# tests/bench/search/run.py: the search benchmark from the first event to the table. Called by ../run.sh.
#
#   run.py BUILD [--quick] [--events N] [--json FILE] [--keep DIR] [--per-class N] [--rounds N] [--seconds N]
#          [--only CLASSES] [--skip ENGINE]...
#
# --keep DIR: stores, indexes and queries stay there and are used again. Else all is made in a folder that is removed.
import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import figures  # noqa: E402
import verdict  # noqa: E402

JARS = "/usr/share/java/*"
XAPIAN_MOST = 1_000_000  # it loads some 5,000 events a second beyond


def arguments():
    p = argparse.ArgumentParser(prog="run.sh search")
    p.add_argument("build")
    p.add_argument("--quick", action="store_true", help="100,000 events, 300 queries a class, 1 round")
    p.add_argument("--events", type=int)
    p.add_argument("--per-class", type=int)
    p.add_argument("--rounds", type=int)
    p.add_argument("--seconds", type=int, default=60, help="of a turn, at most")
    p.add_argument("--json")
    p.add_argument("--keep")
    p.add_argument("--only", default="abcdefgh")
    p.add_argument("--given", action="store_true", help="class g: our side too is told the words")
    p.add_argument("--skip", action="append", default=[], help="sqlite, lucene, xapian, figures")
    a = p.parse_args()
    a.events = a.events or (100_000 if a.quick else 10_000_000)
    a.per_class = a.per_class or (300 if a.quick else 2000)
    a.rounds = a.rounds or (1 if a.quick else 3)
    return a


def say(text):
    print(time.strftime("%H:%M:%S ") + text, file=sys.stderr, flush=True)


def timed(command, **more):
    began = time.monotonic()
    subprocess.run(command, check=True, **more)
    return round(time.monotonic() - began, 1)


class Work:
    """What is made once: each step is a file that appears whole."""

    def __init__(self, a, folder):
        self.a, self.folder, self.seconds = a, folder, {}
        self.bin = os.path.join(a.build, "tests", "bench", "search")
        noted = self.path("seconds.json")
        if os.path.exists(noted):
            with open(noted) as file:
                self.seconds = json.load(file)

    def path(self, name):
        return os.path.join(self.folder, name)

    def tool(self, name):
        return os.path.join(self.bin, "bench_search_" + name)

    def step(self, name, make):
        """Makes folder/name by make(temporary path), unless it is there."""
        target, draft = self.path(name), self.path(name + ".part")
        if os.path.exists(target):
            return target
        if os.path.isdir(draft):
            shutil.rmtree(draft)
        elif os.path.exists(draft):
            os.unlink(draft)
        say(name)
        self.seconds[name] = make(draft)
        os.rename(draft, target)
        with open(self.path("seconds.json"), "w") as file:
            json.dump(self.seconds, file)
        return target


def to_file(command):
    def make(draft):
        with open(draft, "wb") as out:
            return timed(command, stdout=out)
    return make


def make_all(w):
    a = w.a
    store = w.step("store", lambda draft: figures.load(w, draft))
    dump = w.step("dump.tsv", to_file([w.tool("dump"), store]))
    queries = w.step(f"queries-{a.per_class}.tsv", to_file([w.tool("queries"), dump, str(a.per_class)]))
    given = ["given"] if a.given else []
    engines = [("ours-given" if a.given else "ours", [w.tool("ours"), store, queries] + given)]
    if "lucene" not in a.skip:
        classes = w.path("java")
        os.makedirs(classes, exist_ok=True)
        subprocess.run(["javac", "-cp", JARS, "-d", classes, os.path.join(HERE, "LuceneBench.java")], check=True)
        java = ["java", "-Xms1g", "-Xmx2g", "-XX:+UseSerialGC", "-cp", classes + ":" + JARS, "LuceneBench"]
        index = w.step("lucene", lambda draft: timed(java + ["load", draft, dump]))
        engines.append(("Lucene", java + ["serve", index, queries]))
    if "sqlite" not in a.skip:
        index = w.step("fts5.db", lambda draft: timed([w.tool("fts5"), "load", draft, dump]))
        engines.append(("SQLite", [w.tool("fts5"), "serve", index, queries]))
    if "xapian" not in a.skip and a.events <= XAPIAN_MOST:
        index = w.step("xapian", lambda draft: timed([w.tool("xapian"), "load", draft, dump]))
        engines.append(("Xapian", [w.tool("xapian"), "serve", index, queries]))
    return engines


def main():
    a = arguments()
    folder = a.keep or tempfile.mkdtemp(prefix="tkt-bench-")
    os.makedirs(folder, exist_ok=True)
    try:
        w = Work(a, folder)
        engines = make_all(w)
        result = {"events": a.events, "perClass": a.per_class, "rounds": a.rounds, "seconds": w.seconds}

        def note(rows):
            result["classes"] = rows
            if a.json:
                with open(a.json, "w") as file:
                    json.dump(result, file, indent=1)
        rows = verdict.run(engines, a.rounds, a.seconds, a.only, folder, note)
        if "figures" not in a.skip:
            result["figures"] = figures.measure(w)
            note(rows)
        for order in ("date", "relevance"):
            print(verdict.table(rows, order))
        if "figures" in result:
            print(figures.table(result["figures"]))
        print(json.dumps(result))
        different = sum(row["different"] for row in rows)
        if different:
            sys.exit(f"{different} answers differ")
    finally:
        if not a.keep:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
