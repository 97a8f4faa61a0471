#!/usr/bin/env python3
"""multiprocessing.pool.ThreadPool over the URLs: a thread for each open request.

--client keep_alive: http.client, a connection for each thread and host that stays open;
--client urllib: urllib.request.urlopen, which connects anew for each URL."""
import argparse
import http.client
import json
import resource
import sys
import threading
import time
import urllib.request
from multiprocessing.pool import ThreadPool
from urllib.parse import urlsplit

MINE = threading.local()


def checked(url, status, body):
    if status != 200 or body.decode() != url.rsplit("/", 1)[1]:
        raise ValueError(f"wrong answer: {url} gave status {status} and {body[:40]}")
    return int(body)


def by_urllib(url):
    with urllib.request.urlopen(url) as answer:
        return checked(url, answer.status, answer.read())


def by_keep_alive(url):
    _, host, path, _, _ = urlsplit(url)
    connections = MINE.__dict__
    connection = connections.get(host)
    if connection is None:
        connection = connections[host] = http.client.HTTPConnection(host)
    connection.request("GET", path)
    answer = connection.getresponse()
    return checked(url, answer.status, answer.read())


CLIENTS = {"keep_alive": by_keep_alive, "urllib": by_urllib}


def of_process(*names):
    """Numbers from /proc/self/status."""
    with open("/proc/self/status", encoding="ascii") as status:
        lines = dict(line.split(":", 1) for line in status)
    return [int(lines[name].split()[0]) for name in names]


class Tally:
    def __init__(self, expected):
        self.expected = expected
        self.answers = self.sum = self.squares = self.threads = 0
        self.quarters = []
        self.looks = {expected * quarter // 4 for quarter in (1, 2, 3)}

    def take(self, number):
        self.answers += 1
        self.sum += number
        self.squares += number * number
        if self.answers in self.looks:
            threads, kib = of_process("Threads", "VmRSS")
            self.threads = max(self.threads, threads)
            self.quarters.append(kib)

    def check(self):
        n = self.expected
        if (self.answers, self.sum, self.squares) != (
                n, n * (n - 1) // 2, (n - 1) * n * (2 * n - 1) // 6):
            raise ValueError(f"wrong answer: not each of {n} URLs was answered once; "
                             f"{self.answers} answers came")


def fetch_all(chosen, tally):
    with open(chosen.file, encoding="ascii") as lines, ThreadPool(chosen.width) as pool:
        for number in pool.imap_unordered(CLIENTS[chosen.client], map(str.strip, lines)):
            tally.take(number)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--file", required=True, help="URLs, one a line")
    parser.add_argument("--urls", type=int, required=True)
    parser.add_argument("--width", type=int, default=256, help="threads")
    parser.add_argument("--client", choices=CLIENTS, default="keep_alive")
    chosen = parser.parse_args()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    tally = Tally(chosen.urls)
    at_start, = of_process("VmRSS")
    began, cpu = time.monotonic(), time.process_time()
    fetch_all(chosen, tally)
    seconds, cpu = time.monotonic() - began, time.process_time() - cpu
    tally.check()
    peak, = of_process("VmHWM")
    print(json.dumps({"seconds": seconds, "cpu": cpu, "answers": tally.answers,
                      "threads": tally.threads, "start_kib": at_start,
                      "quarters_kib": tally.quarters, "peak_kib": peak}), flush=True)


if __name__ == "__main__":
    try:
        main()
    except (OSError, ValueError, http.client.HTTPException) as error:
        sys.exit(f"{sys.argv[0]}: {error}")
