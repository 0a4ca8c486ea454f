# SPDX-License-Identifier: MIT
#
# tests/bench/search/verdict.py: engines in turns, their answers compared, the figures.
#
# Class by class and engine by engine, in rounds; p50 and p99 are medians over the rounds. Totals must be equal for every
# query, and so must the starts of the first 20 by date: a difference is printed and makes the run fail. An engine that
# needs longer than its seconds for a turn has answered fewer queries; the table says how many.
import json
import os
import statistics
import subprocess
import sys

NAMES = {
    "a": "a performer",
    "b": "b common word + city",
    "c": "c very common word, 7 days",
    "d": "d 2-3 words, 30 days",
    "e": "e category + city, 30 days",
    "f": "f prefix of 2-4 letters",
    "g": "g one typo",
    "h": "h no match",
}
WARM = 2  # turns of every engine that are not counted
SHOWN = 5  # differences printed of a class


class Engine:
    def __init__(self, name, command):
        self.name = name
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.expect("ready")

    def expect(self, word):
        line = self.process.stdout.readline().strip()
        if line != word:
            sys.exit(f"{self.name}: said {line!r}, not {word!r}")

    def turn(self, kind, order, seconds, path):
        self.process.stdin.write(f"{kind} {order} {seconds} {path}\n")
        self.process.stdin.flush()
        self.expect("done")

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def read(path):
    ns, answers = [], []
    with open(path) as file:
        for line in file:
            took, total, starts = line.rstrip("\n").split("\t")
            ns.append(int(took))
            answers.append((int(total), starts))
    return ns, answers


def part(values, p):
    values = sorted(values)
    return values[int(p * (len(values) - 1) + 0.5)]


def differences(kind, order, all_answers):
    """Of each engine against the first one."""
    bad = 0
    names = list(all_answers)
    for name in names[1:]:
        for i, (mine, theirs) in enumerate(zip(all_answers[names[0]], all_answers[name])):
            same = mine[0] == theirs[0] and (order == "relevance" or mine[1] == theirs[1])
            if not same:
                bad += 1
                if bad <= SHOWN:
                    print(f"DIFFERENT: class {kind} by {order}, query {i}: {names[0]} {mine[0]} {mine[1][:60]} | "
                          f"{name} {theirs[0]} {theirs[1][:60]}", file=sys.stderr)
    return bad


def measure(engines, kind, order, rounds, seconds, scratch):
    times = {e.name: {"p50": [], "p99": []} for e in engines}
    bad, queries = 0, {}
    for round_ in range(-WARM, rounds):  # before 0: to warm up, and what is compared
        answers = {}
        turns = engines if round_ % 2 else list(reversed(engines))
        for engine in turns:
            path = os.path.join(scratch, f"answers-{engine.name}.tsv")
            engine.turn(kind, order, seconds, path)
            ns, answers[engine.name] = read(path)
            queries[engine.name] = min(len(ns), queries.get(engine.name, len(ns)))
            if round_ >= 0 and ns:
                times[engine.name]["p50"].append(part(ns, 0.5) / 1000)
                times[engine.name]["p99"].append(part(ns, 0.99) / 1000)
        if round_ == -1:
            bad = differences(kind, order, {e.name: answers[e.name] for e in engines})
    row = {"class": kind, "order": order, "queries": max(queries.values()), "different": bad, "engines": {}}
    for engine in engines:
        t = times[engine.name]
        row["engines"][engine.name] = {p: round(statistics.median(t[p]), 2) if t[p] else None for p in t}
        if queries[engine.name] < row["queries"]:  # its time ran out
            row["engines"][engine.name]["answered"] = queries[engine.name]
    return row


def table(rows, order):
    rows = [r for r in rows if r["order"] == order]
    if not rows:
        return ""
    names = list(rows[0]["engines"])
    head = ["by " + order] + [f"{n}, p50 / p99 µs" for n in names] + [f"ours / {n}" for n in names[1:]]
    out = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for row in rows:
        engines, cells = row["engines"], [NAMES[row["class"]]]
        cells += [f"{engines[n]['p50']:.1f} / {engines[n]['p99']:.1f}" +
                  (f" ({engines[n]['answered']} queries)" if "answered" in engines[n] else "") for n in names]
        for n in names[1:]:
            cells.append(" / ".join(f"{engines[names[0]][p] / engines[n][p]:.2f}" for p in ("p50", "p99")))
        out.append("| " + " | ".join(cells) + " |")
    return "\n".join(out) + "\n"


def run(commands, rounds, seconds, classes, scratch, note):
    engines = [Engine(name, command) for name, command in commands]
    rows = []
    turns = [(k, "date") for k in classes] + [(k, "relevance") for k in classes if k != "e"]
    for kind, order in turns:
        row = measure(engines, kind, order, rounds, seconds, scratch)
        if row["queries"] == 0:
            continue
        rows.append(row)
        print(f"{kind} by {order}: " + ", ".join(f"{n} {t['p50']} / {t['p99']}" +
              (f" ({t['answered']} queries)" if "answered" in t else "") for n, t in row["engines"].items()),
              file=sys.stderr, flush=True)
        note(rows)
    for engine in engines:
        engine.close()
    return rows
