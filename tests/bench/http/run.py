# SPDX-License-Identifier: MIT
"""run.py: event view and search over HTTP: the service beside twins on PostgreSQL and Redis. Called by ../run.sh.

    run.py BUILD [--events N] [--rounds N] [--seconds N] [--connections N,N…] [--json FILE]

The same events on all sides, one process of four threads each, the same HTTP library; wrk asks, side by side in turns. First
every path is asked of all three: only those that all answer alike, byte for byte, are measured.

Ours stands there twice: as it is, where a search that was answered a moment ago is answered from what was kept as long as
nothing in it has changed; and with nothing kept, where each is worked out, as the twins do.

One connection asks and waits, so one process works at a time: all share one core then. With two cores the scheduler puts who
asks and who answers together or apart as it likes, and waking a core that sleeps takes longer than the answer.
"""
import argparse
import collections
import http.client
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, ".."))
from peers import PostgresServer, RedisServer, free_port, keep_to  # noqa: E402

THREADS, PATHS, PAGE = 4, 400, 100
OURS, WORKED_OUT = "ours", "ours, nothing kept"
CLASSES = {"view": "an event, by Zipf", "word": "one word of a hundred to a thousand events",
           "common": "one word of a tenth of the events or more", "two": "two words together", "month": "a word in a month"}
FIGURES = ("perSecond", "p50", "p99", "p999")


def arguments():
    p = argparse.ArgumentParser(prog="run.sh http")
    p.add_argument("build")
    p.add_argument("--events", type=int, default=100000)
    p.add_argument("--rounds", type=int, default=5)
    p.add_argument("--seconds", type=int, default=3)
    p.add_argument("--connections", default="1,32")
    p.add_argument("--json")
    return p.parse_args()


def say(text):
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


class Side:
    """A server on 127.0.0.1 that is asked; stopped by SIGTERM."""

    def __init__(self, command, port):
        self.port = port
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        for _ in range(600):
            try:
                self.get("/events/1")
                return
            except OSError:
                self.connection.close()
                time.sleep(0.1)
        raise RuntimeError(f"{command[0]} does not answer")

    def get(self, path):
        try:
            self.connection.request("GET", path, headers={"Accept": "application/json"})
            answer = self.connection.getresponse()
        except http.client.RemoteDisconnected:  # it was silent for so long that the server closed it
            self.connection.close()
            self.connection.request("GET", path, headers={"Accept": "application/json"})
            answer = self.connection.getresponse()
        return answer.status, answer.getheader("X-Total-Count"), answer.read(), answer.getheader("X-Next-Cursor")

    def stop(self):
        self.process.terminate()
        self.process.wait()


def items_of(page):
    """The members of a JSON array of objects, as they are written."""
    text, at, decoder = page.decode(), 1, json.JSONDecoder()
    while text[at] != "]":
        _, end = decoder.raw_decode(text, at)
        yield text[at:end]
        at = end + (text[end] == ",")


def all_items(ours):
    """Every event's line of a page, in the order of start."""
    cursor = ""
    while cursor is not None:
        status, _, page, cursor_next = ours.get(f"/events/search?start=2000-01-01&sort=date&pageSize={PAGE}" + (f"&cursor={cursor}" if cursor else ""))
        assert status == 200, page
        yield from items_of(page)
        cursor = cursor_next


def documents(tools, store, ours):
    """(id, start, words, body, item) of each event."""
    items = {json.loads(item)["id"]: item for item in all_items(ours)}
    dump = subprocess.run([os.path.join(tools, "search", "bench_search_dump"), store], check=True, capture_output=True, text=True).stdout
    for line in dump.splitlines():
        start, event, _, _, *fields = line.split("\t")
        words = sorted({w for f in fields for w in f.split() if w != "/"})
        status, _, body, _ = ours.get(f"/events/{event}")
        assert status == 200
        yield int(event), int(start), words, body.decode(), items[int(event)]


def load_postgres(server, docs):
    server.sql("CREATE TABLE events (id bigint PRIMARY KEY, start_ms bigint, words tsvector, body text, item text)")
    path = os.path.join(server.folder, "events.tsv")

    def field(text):
        return text.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n")
    with open(path, "w", encoding="utf-8") as out:
        for event, start, words, body, item in docs:
            vector = " ".join("'" + w.replace("'", "''").replace("\\", "\\\\") + "'" for w in words)
            out.write(f"{event}\t{start}\t{field(vector)}\t{field(body)}\t{field(item)}\n")
    os.chmod(path, 0o644)
    server.sql(f"COPY events FROM '{path}'")
    server.sql("CREATE INDEX ON events USING gin (words)")
    server.sql("CREATE INDEX ON events (start_ms, id)")
    server.sql("VACUUM ANALYZE events")


def load_redis(server, docs):
    pipe = subprocess.Popen(["redis-cli", "-p", str(server.port), "--pipe"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)

    def put(*words):
        data = [w.encode() if isinstance(w, str) else w for w in words]
        pipe.stdin.write(b"*%d\r\n" % len(data) + b"".join(b"$%d\r\n%s\r\n" % (len(d), d) for d in data))
    for event, start, words, body, item in docs:
        name = f"{event:012d}"
        put("SET", f"e:{event}", body)
        put("SET", f"i:{name}", item)
        for w in words:
            put("ZADD", f"w:{w}", str(start), name)
    pipe.stdin.close()
    assert pipe.wait() == 0


def paths_of(docs, n):
    """What is asked, class by class; words by how many events have them."""
    rng = random.Random(20261127)
    count = collections.Counter(w for d in docs for w in d[2] if w.isascii() and w.isalpha() and len(w) > 3)
    middle = [w for w, k in count.items() if n / 1000 <= k <= n / 100]
    common = [w for w, k in count.items() if k >= n / 10]
    frequent = [w for w, k in count.items() if k >= n / 100]

    def search(words, more=""):
        return f"/events/search?keyword={words}&sort=date&pageSize=20&typo=off&prefix=off&start=2000-01-01{more}"

    def month():
        y, m = rng.randrange(2027, 2030), rng.randrange(1, 13)
        return f"&start={y}-{m:02d}-01T00:00:00Z&end={y + m // 12}-{m % 12 + 1:02d}-01T00:00:00Z"
    zipf = rng.choices(range(1, n + 1), [1 / i for i in range(1, n + 1)], k=5 * PATHS)
    ids = list(range(1, n + 1))
    rng.shuffle(ids)
    pairs = [rng.choice([d for d in rng.sample(docs, 20)])[2] for _ in range(3 * PATHS)]
    two = [[w for w in words if w in count and count[w] >= 10] for words in pairs]
    return {
        "view": [f"/events/{ids[i - 1]}" for i in zipf],
        "word": [search(w) for w in rng.sample(middle, min(PATHS, len(middle)))],
        "common": [search(w) for w in rng.sample(common, min(PATHS, len(common)))],
        "two": [search("+".join(rng.sample(ws, 2))) for ws in two if len(ws) >= 2][:PATHS],
        "month": [search(rng.choice(frequent)).replace("&start=2000-01-01", month()) for _ in range(PATHS)],
    }


def alike(sides, paths, folder):
    """Files of the paths that all sides answer alike; dies when they are few."""
    files = {}
    for kind, wanted in paths.items():
        good = []
        for path in wanted:
            status, total, body, _ = sides[OURS].get(path)
            same = all(side.get(path)[:3] == (status, total, body) for side in sides.values())
            if same and status == 200:
                good.append(path)
        say(f"{kind}: {len(good)} of {len(wanted)} are answered alike by all")
        assert len(good) >= 0.9 * len(wanted) and good, "the sides don't answer alike"
        files[kind] = os.path.join(folder, kind + ".paths")
        with open(files[kind], "w", encoding="ascii") as out:
            out.write("\n".join(good) + "\n")
    return files


def measure(a, sides, files, postgres):
    results, cores = collections.defaultdict(list), os.sched_getaffinity(0)
    for turn in range(a.rounds):
        for kind, file in files.items():
            for connections in a.connections.split(","):
                for process in (os.getpid(), postgres.pid()):
                    keep_to({max(cores)} if connections == "1" else cores, process)
                for name, side in sides.items():
                    out = subprocess.run(["wrk", "-t1", f"-c{connections}", f"-d{a.seconds}s", "-s", os.path.join(HERE, "paths.lua"),
                                          f"http://127.0.0.1:{side.port}", "--", file], check=True, capture_output=True, text=True).stdout
                    got = json.loads(out.splitlines()[-1])
                    assert got["wrong"] == 0, (name, kind, got)
                    results[kind, int(connections), name].append(got)
        say(f"round {turn + 1} of {a.rounds}")
    return {key: {f: statistics.median(r[f] for r in runs) for f in FIGURES} for key, runs in results.items()}


def show(m):
    print("| asked for | connections | side | requests/s | p50 µs | p99 | p99.9 | ours by it |\n|---|---|---|---|---|---|---|---|")
    for (kind, connections, name), f in m.items():
        by = m[kind, connections, OURS]["perSecond"] / f["perSecond"]
        print(f"| {CLASSES[kind]} | {connections} | {name} | {f['perSecond']:,.0f} | {f['p50']:,.0f} | {f['p99']:,.0f} | {f['p999']:,.0f} | {by:.2f} |")


def server(a, store, port, *more):
    return Side([os.path.join(a.build, "examples", "server", "ticketing-server"), "--port", str(port), "--processes", "1", "--threads", str(THREADS),
                 "--store", store, "--web", os.path.join(HERE, "../../../examples/server/web"), *more], port)


def main():
    a = arguments()
    tools = os.path.join(a.build, "tests", "bench")
    folder = tempfile.mkdtemp(prefix="tkt-bench-http-", dir="/var/tmp")
    os.chmod(folder, 0o755)
    sides = {}
    try:
        store = os.path.join(folder, "store")
        say("events")
        events = subprocess.Popen([os.path.join(tools, "search", "bench_search_gen"), str(a.events)], stdout=subprocess.PIPE)
        subprocess.run([os.path.join(a.build, "examples", "cli", "ticketing"), "-s", store, "import", "-"], stdin=events.stdout,
                       stdout=subprocess.DEVNULL, check=True)
        assert events.wait() == 0
        port = free_port()
        sides[OURS] = server(a, store, port)
        docs = list(documents(tools, store, sides[OURS]))
        assert len(docs) == a.events
        with PostgresServer(folder) as postgres, RedisServer(folder) as redis:
            say("PostgreSQL and Redis are loaded")
            load_postgres(postgres, docs)
            load_redis(redis, docs)
            port = free_port()
            sides[WORKED_OUT] = server(a, store, port, "--query-cache-kib", "0")
            for name, where in (("postgres", postgres.base() + " dbname=postgres"), ("redis", str(redis.port))):
                port = free_port()
                sides[name] = Side([os.path.join(tools, "http", "bench_http_" + name), where, str(port), str(THREADS)], port)
            m = measure(a, sides, alike(sides, paths_of(docs, a.events), folder), postgres)
            for side in sides.values():
                side.stop()
            sides.clear()
    finally:
        for side in sides.values():
            side.stop()
        shutil.rmtree(folder, ignore_errors=True)
    show(m)
    if a.json:
        with open(a.json, "w", encoding="utf-8") as out:
            json.dump([{"asked": k, "connections": c, "side": n, **f} for (k, c, n), f in m.items()], out, indent=1)


main()
