"""The contest programs of one or more builds, and the processes made of them."""
import json
import os
import select
import signal
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path


class Failed(Exception):
    """A program gave a wrong answer, died, or did not answer in time."""


@dataclass(frozen=True)
class Program:
    workload: str
    runtime: str
    path: Path


@dataclass(frozen=True)
class Missing:
    """A runtime that a build has not, or a program of it that is not built."""
    what: str
    runtime: str
    why: str
    build: str


def of_build(build, workloads, runtimes):
    """What this build has and what it has not; `runtimes` empty: all of them.

    Raises FileNotFoundError for a folder that is none."""
    folder = Path(build) / "bench" / "contest"
    listed = folder / "programs.txt"
    if not listed.is_file():
        raise FileNotFoundError(f"{build} is no build with benchmarks: there is no {listed}")
    programs, missing = [], []
    for line in filter(None, listed.read_text().splitlines()):
        workload, runtime, name = line.split()
        if workload not in workloads or (runtimes and runtime not in runtimes):
            continue
        if (folder / name).is_file():
            programs.append(Program(workload, runtime, folder / name))
        else:
            missing.append(Missing(f"{workload} on {runtime}", runtime,
                                   "not built: build the target filch_bench", str(build)))
    for line in filter(None, (folder / "missing.txt").read_text().splitlines()):
        runtime, why = line.split(": ", 1)
        if not runtimes or runtime in runtimes:
            missing.append(Missing(runtime, runtime, why, str(build)))
    return programs, missing


def cores_for(threads):
    """As many cores as threads, the same for everybody; None if there are not so many."""
    cores = sorted(os.sched_getaffinity(0))
    return set(cores[:threads]) if threads <= len(cores) else None


class Entrant:
    """A program that has started its runtime, and sleeps unless it is asked to run."""

    def __init__(self, program, threads, size, pin, preload, patience):
        self.program = program
        self.name = program.runtime
        self.patience = patience
        self.peak_kib = 0
        self.failure = None
        self._left = b""
        self._errors = tempfile.TemporaryFile()
        cores = cores_for(threads) if pin else None
        environment = dict(os.environ, **({"LD_PRELOAD": preload} if preload else {}))
        self._process = subprocess.Popen(
            [str(program.path), "--serve", "--threads", str(threads), "--size", str(size)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors, env=environment,
            preexec_fn=(lambda: os.sched_setaffinity(0, cores)) if cores else None)
        self.about = self._answer()
        self.events = {event["name"]: event for event in self.about["events"]}
        self._send(signal.SIGSTOP)

    def run(self, event):
        """One repetition, as the program reports it."""
        self._send(signal.SIGCONT)
        self._order(f"run {event}")
        answer = self._answer()
        self._send(signal.SIGSTOP)
        return answer

    def end(self):
        """Asks for the peak of memory and ends the process, whatever state it is in."""
        if self._process.poll() is None:
            self._send(signal.SIGCONT)
            try:
                if self.failure is None:
                    self._order("quit")
                    self.peak_kib = self._answer()["peak_kib"]
                    self._process.wait(self.patience)
            except (Failed, subprocess.TimeoutExpired) as error:
                self.failure = self.failure or str(error)
            if self._process.poll() is None:
                self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout, self._errors):
            try:
                stream.close()
            except OSError:
                pass  # what was not flushed to a dead process

    def _send(self, number):
        if self._process.poll() is None:
            self._process.send_signal(number)

    def _order(self, line):
        try:
            self._process.stdin.write((line + "\n").encode())
            self._process.stdin.flush()
        except OSError as error:
            raise Failed(self._last_words()) from error

    def _answer(self):
        """The next line, as JSON."""
        until = time.monotonic() + self.patience
        out = self._process.stdout
        while b"\n" not in self._left:
            readable, _, _ = select.select([out], [], [], max(0.0, until - time.monotonic()))
            if not readable:
                raise Failed(f"{self.program.path.name} gave no answer in {self.patience} s")
            chunk = os.read(out.fileno(), 65536)
            if not chunk:
                raise Failed(self._last_words())
            self._left += chunk
        line, self._left = self._left.split(b"\n", 1)
        return json.loads(line)

    def _last_words(self):
        status = self._process.wait(self.patience)
        self._errors.seek(0)
        said = self._errors.read().decode(errors="replace").strip()
        return f"{self.program.path.name} ended with {status}: {said or 'it said nothing'}"
