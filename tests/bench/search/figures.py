# SPDX-License-Identifier: MIT
#
# tests/bench/search/figures.py: what the index costs: build, memory, bytes an event, upserts, searches beside writers.
import json
import os
import shutil
import subprocess
import time


def load(w, store):
    """Generates and imports without an index, then builds it; the figures of the build stay in build.json."""
    began = time.monotonic()
    with subprocess.Popen([w.tool("gen"), str(w.a.events)], stdout=subprocess.PIPE) as gen:
        subprocess.run([w.tool("cost"), "load", store], stdin=gen.stdout, check=True)
    if gen.returncode != 0:
        raise RuntimeError("the generator failed")
    loaded = time.monotonic()
    built = subprocess.run([w.tool("cost"), "build", store], stdout=subprocess.PIPE, text=True, check=True)
    figures = json.loads(built.stdout)
    figures["loadSeconds"] = round(loaded - began, 1)
    with open(w.path("build.json"), "w") as file:
        json.dump(figures, file)
    return round(time.monotonic() - began, 1)


def measure(w):
    with open(w.path("build.json")) as file:
        figures = json.load(file)
    shutil.rmtree(w.path("store.spent"), ignore_errors=True)
    store, dump, queries = w.path("store"), w.path("dump.tsv"), w.path(f"queries-{w.a.per_class}.tsv")
    for name, command in (
        ("overlap", [w.tool("overlap"), store, dump, queries]),
        ("beside", [w.tool("beside"), store, queries, str(w.a.events)]),
        ("upsert", [w.tool("cost"), "upsert", store, str(w.a.events)]),
    ):
        out = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        figures[name] = json.loads(out.stdout)
    # Events were changed and the index taken away: a later run with the same folder makes the store anew.
    os.rename(store, w.path("store.spent"))
    return figures


def table(figures):
    rows = ["| figure | value |", "|---|---|"]

    def walk(prefix, values):
        for name, value in values.items():
            if isinstance(value, dict):
                walk(prefix + name + " ", value)
            else:
                rows.append(f"| {prefix}{name} | {value} |")
    walk("", figures)
    return "\n".join(rows) + "\n"
