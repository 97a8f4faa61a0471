"""Who fetches, what there is to fetch, and one run of one on the other."""
import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from servers import Servers

HERE = Path(__file__).resolve().parent
FLIGHT = 256


@dataclass(frozen=True)
class Load:
    name: str
    urls: int
    low: int  # latency in ms, evenly distributed
    high: int
    hosts: int = 1
    per_host: int = 0  # at most so many open at one host; 0: no limit

    def widths(self, some):
        """The sizes of a pool that are worth trying: no more threads than URLs, and none with which
        sleeping alone takes longer than ten seconds."""
        asleep = self.urls * (self.low + self.high) / 2000
        return sorted({min(width, self.urls) for width in some if asleep / width < 10})


@dataclass(frozen=True)
class Contender:
    name: str
    program: str
    words: tuple = ()
    # A thread for each open request, so somebody must choose how many.
    tuned: bool = False
    most_urls: int = 10**9
    limits_hosts: bool = False

    def fits(self, load):
        return load.urls <= self.most_urls and (self.limits_hosts or load.per_host == 0)

    def command(self, folder):
        if self.program.endswith(".py"):
            return [sys.executable, str(HERE / self.program), *self.words]
        return [str(folder / f"bench_fetch_urls_{self.program}"), *self.words]


FILCH_STREAM = Contender("filch, get", "filch_stream", limits_hosts=True)
FILCH_ASYNC = Contender("filch, get_async", "filch_async", limits_hosts=True)
FILCH_MAP = Contender("filch, map without a number", "filch_map")
MULTI = Contender("libcurl multi by hand", "curl_multi", limits_hosts=True)
THREADS = Contender("std::thread, curl_easy", "curl_threads", tuned=True)
KEEP_ALIVE = Contender("Python, http.client", "python_threads.py", ("--client", "keep_alive"),
                       tuned=True)
URLLIB = Contender("Python, urllib", "python_threads.py", ("--client", "urllib"), tuned=True,
                   most_urls=1000)
CONTENDERS = (FILCH_ASYNC, FILCH_STREAM, FILCH_MAP, MULTI, THREADS, KEEP_ALIVE, URLLIB)

LOADS = (Load("14 URLs of 1 s", 14, 1000, 1000),
         Load("1000 URLs of 20 to 100 ms", 1000, 20, 100),
         Load("10 000 URLs of 20 to 100 ms", 10_000, 20, 100),
         Load("10 000 URLs of 20 to 100 ms, 6 a host", 10_000, 20, 100, hosts=40, per_host=6),
         Load("10 000 URLs of 0 to 4 ms", 10_000, 0, 4))
QUICK_LOADS = (Load("14 URLs of 0.1 s", 14, 100, 100), Load("300 URLs of 10 to 30 ms", 300, 10, 30))


class Failed(Exception):
    """A contender gave a wrong answer, died, or took too long."""


def fetch(contender, load, width, place):
    """What the contender tells of one run, and under "server" what the servers do."""
    with Servers(place.server, place.servers, load.hosts) as servers, \
            tempfile.NamedTemporaryFile("w", suffix=".urls") as file:
        file.write("".join(f"{url}\n" for url in servers.urls(load, place.seed)))
        file.flush()
        words = ["--file", file.name, "--urls", str(load.urls), "--width", str(width)]
        if load.per_host:
            words += ["--per-host", str(load.per_host)]
        try:
            ended = subprocess.run(contender.command(place.folder) + words, capture_output=True,
                                   text=True, timeout=place.patience, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise Failed(f"{contender.name}: {error}") from error
        if ended.returncode:
            raise Failed(f"{contender.name} ended with {ended.returncode}: {ended.stderr.strip()}")
        run = dict(json.loads(ended.stdout), server=servers.seen())
    if (run["answers"], run["server"]["served"]) != (load.urls, load.urls):
        raise Failed(f"{contender.name}: {run['answers']} answers taken and "
                     f"{run['server']['served']} sent for {load.urls} URLs")
    return run
