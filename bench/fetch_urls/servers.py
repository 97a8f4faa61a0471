"""Latency servers, each a process of its own, and what they say of a run."""
import json
import random
import subprocess
import urllib.request
from pathlib import Path


class Server:
    def __init__(self, program, hosts):
        self._process = subprocess.Popen([str(program), str(hosts)], stdin=subprocess.PIPE,
                                         stdout=subprocess.PIPE)
        line = self._process.stdout.readline()
        if not line:
            self.end()
            raise RuntimeError(f"{program} did not start")
        self.port = int(line)

    def cpu_seconds(self):
        """Of all its threads so far."""
        tasks = Path(f"/proc/{self._process.pid}/task").iterdir()
        return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) * 1e-9

    def stats(self):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/stats") as answer:
            return json.load(answer)

    def end(self):
        self._process.stdin.close()
        self._process.wait(10)
        self._process.stdout.close()


class Servers:
    """Fresh ones for each run, so that what they have counted is that run's."""

    def __init__(self, program, count, hosts):
        self._all = []
        try:
            for _ in range(count):
                self._all.append(Server(program, hosts))
        except RuntimeError:
            self.__exit__()
            raise

    def __enter__(self):
        self._before = self._cpu()
        return self

    def __exit__(self, *_):
        for server in self._all:
            server.end()

    def _cpu(self):
        return sum(server.cpu_seconds() for server in self._all)

    def urls(self, load, seed):
        """The same latencies and hosts for everybody, in the same order."""
        dice = random.Random(seed)
        hosts = [1 + i % load.hosts for i in range(load.urls)]
        dice.shuffle(hosts)
        for i, host in enumerate(hosts):
            port = self._all[i % len(self._all)].port
            yield f"http://127.0.0.{host}:{port}/number/{dice.randint(load.low, load.high)}/{i}"

    def seen(self):
        """What a run has cost the servers and what they have seen of it; to be asked once."""
        cpu = self._cpu() - self._before
        stats = [server.stats() for server in self._all]
        questions = len(stats)
        return {"cpu": cpu, "requests": sum(s["requests"] for s in stats) - questions,
                "served": sum(s["served"] for s in stats),
                "aborted": sum(s["aborted"] for s in stats),
                "most_connections": sum(s["peak"] for s in stats)}
