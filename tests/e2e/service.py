# SPDX-License-Identifier: MIT
"""service.py: a store with the sample and a running server around it, for the tests of the service.

    with Service(server, tool, data, ttl_seconds=5) as s: s.call("GET", "/events/4")

It listens on a free port of 127.0.0.1 and is stopped with SIGTERM, which must end it well.
"""
import http.client
import json
import os
import shutil
import signal
import subprocess
import tempfile

HALL = "ext:nyp:15056-0"
STAFF = "staff-token-of-the-tests"
OPERATOR = "operator-token-of-the-tests"


class Service:
    def __init__(self, server, tool, data, **settings):
        self.server, self.tool, self.data = server, tool, data
        self.restarts_expected = False
        self.settings = {"processes": 2, "threads": 4, "reads_a_second": 0, "writes_a_second": 0, **settings}

    def tickets(self, *args):
        done = subprocess.run([self.tool, "-s", self.store, *args, "--json"], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def __enter__(self):
        self.dir = tempfile.mkdtemp(prefix="tkt-service-")
        self.store = os.path.join(self.dir, "store")
        self.log = os.path.join(self.dir, "access")
        self.tickets("import", os.path.join(self.data, "sample.jsonl"), "--shift-weeks", "auto")
        self.tickets("chart", HALL, self.chart())
        self.event = self.tickets("show", HALL)["eventId"]
        self.tickets("price", HALL, "*", "80.00", "EUR")
        self.start()
        return self

    def chart(self):
        """The hall's file: another may be made in self.dir."""
        return os.path.join(self.data, "arena-two-floors.json")

    def start(self, port=0):
        web = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "examples", "server", "web")
        environment = dict(os.environ, TICKETING_STAFF_TOKEN=STAFF, TICKETING_OPERATOR_TOKEN=OPERATOR)
        settings = {"port": port, "store": self.store, "web": web, "access_log": self.log, **self.settings}
        args = [x for k, v in settings.items() for x in (f"--{k.replace('_', '-')}", str(v))]
        self.complaints = open(os.path.join(self.dir, "complaints"), "a+", encoding="utf-8")
        self.process = subprocess.Popen([self.server, *args], stdout=subprocess.PIPE, stderr=self.complaints, text=True, env=environment)
        line = self.process.stdout.readline()
        assert line.startswith("serving on "), line
        self.url = line.split()[-1].rstrip("/")
        self.port = int(self.url.split(":")[-1])
        for _ in range(1000):  # processes open the store one after another
            if self.try_call("GET", "/ready")[0] == 200:
                return
        raise AssertionError("never ready")

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(20)
        assert status == 0, f"the server did not end well ({status}): {self.said()}"
        self.process.stdout.close()

    def said(self):
        """What the server wrote to its standard error since the store was made."""
        self.complaints.seek(0)
        return self.complaints.read()

    def __exit__(self, kind, *_):
        try:
            self.stop()
            said = self.said()
            assert self.restarts_expected or not said, said  # no process died, no sanitizer spoke
            if kind is None:
                checked = self.tickets("check")
                assert checked["ok"], checked
        finally:
            self.process.kill()
            shutil.rmtree(self.dir, ignore_errors=True)

    def try_call(self, *args, **more):
        try:
            return self.call(*args, **more)
        except OSError:
            return 0, {}, None

    def call(self, method, path, body=None, headers=None, role=None, raw=None):
        """Status, headers with names in lower case, body as JSON where it is."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        headers = dict(headers or {})
        if role:
            headers["Authorization"] = f"Bearer {role}"
        connection.request(method, path, raw if raw is not None else json.dumps(body) if body is not None else None, headers)
        answer = connection.getresponse()
        text = answer.read()
        got = {k.lower(): v for k, v in answer.getheaders()}
        connection.close()
        return answer.status, got, json.loads(text) if "json" in got.get("content-type", "") and text else text

    def workers(self):
        children = f"/proc/{self.process.pid}/task/{self.process.pid}/children"
        with open(children, encoding="ascii") as file:
            return [int(pid) for pid in file.read().split()]
