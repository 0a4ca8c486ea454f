# SPDX-License-Identifier: MIT
"""peers.py: the peers' servers for the benchmarks: Redis and PostgreSQL on 127.0.0.1, in a folder of their own.

    with RedisServer(folder) as redis: redis.port
"""
import os
import shutil
import socket
import subprocess
import time


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def keep_to(cores, process):
    """The process, its threads and all that they started run on these cores alone."""
    for thread in os.listdir(f"/proc/{process}/task"):
        os.sched_setaffinity(int(thread), cores)
        with open(f"/proc/{process}/task/{thread}/children", encoding="ascii") as file:
            children = file.read().split()
        for child in children:
            keep_to(cores, child)


class PeerServer:
    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()


class RedisServer(PeerServer):
    """Durable as PostgreSQL and ours are: each answer after its line of the append-only file is synced."""

    def __init__(self, folder, name="redis"):
        self.folder = os.path.join(folder, name)

    def start(self):
        self.port = free_port()
        os.makedirs(self.folder)
        self.server = subprocess.Popen(
            ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--dir", self.folder, "--appendonly", "yes",
             "--appendfsync", "always", "--save", "", "--auto-aof-rewrite-percentage", "0"],
            stdout=subprocess.DEVNULL)
        for _ in range(100):
            time.sleep(0.1)
            if self.ask("ping") == "PONG":
                return
        raise RuntimeError("redis-server does not answer")

    def ask(self, *words):
        return subprocess.run(["redis-cli", "-p", str(self.port), *words], capture_output=True, text=True).stdout.strip()

    def stop(self):
        self.server.terminate()
        self.server.wait()


class PostgresServer(PeerServer):
    """As the user postgres, since it refuses to run as root."""

    def __init__(self, folder, name="postgres"):
        self.folder = os.path.join(folder, name)

    def start(self):
        versions = os.listdir("/usr/lib/postgresql")
        self.bin = sorted(os.path.join("/usr/lib/postgresql", v, "bin") for v in versions)[-1]
        self.port = free_port()
        os.makedirs(self.folder)
        if os.geteuid() == 0:
            shutil.chown(self.folder, "postgres", "postgres")
        self.become(os.path.join(self.bin, "initdb"), "-D", self.folder, "-A", "trust", "-U", "bench")
        self.become(os.path.join(self.bin, "pg_ctl"), "-D", self.folder, "-w", "-l", os.path.join(self.folder, "log"), "-o",
                    f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={self.folder} "
                    "-c max_connections=300 -c shared_buffers=512MB -c max_wal_size=8GB", "start")

    def become(self, *command):
        user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"] if os.geteuid() == 0 else []
        subprocess.run(user + list(command), check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/")

    def stop(self):
        self.become(os.path.join(self.bin, "pg_ctl"), "-D", self.folder, "-m", "fast", "stop")

    def pid(self):
        with open(os.path.join(self.folder, "postmaster.pid"), encoding="ascii") as file:
            return int(file.readline())

    def base(self):
        return f"host=127.0.0.1 port={self.port} user=bench"

    def sql(self, text):
        return subprocess.run(["psql", "-At", "-v", "ON_ERROR_STOP=1", self.base() + " dbname=postgres", "-c", text], check=True,
                              capture_output=True, text=True).stdout.strip()
