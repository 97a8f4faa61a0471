"""Tests of the contest of fetchers, with true programs and servers: what is counted, and that a
wrong answer is none."""
import json
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]
import contenders  # noqa: E402
from servers import Servers  # noqa: E402

BUILD = Path(sys.argv[1])
PROGRAMS = BUILD / "bench" / "contest"
SERVER = BUILD / "tests" / "support" / "latency_server"
SMALL = contenders.Load("40 URLs", 40, 0, 20, hosts=3)
TRUE = [c for c in contenders.CONTENDERS if c.program != "filch_map"]


def start(contender, urls, count, *more):
    """The program by hand, on these URLs."""
    with tempfile.NamedTemporaryFile("w", suffix=".urls") as file:
        file.write("".join(f"{url}\n" for url in urls))
        file.flush()
        return subprocess.run(
            contender.command(PROGRAMS) + ["--file", file.name, "--urls", str(count)]
            + list(more or ("--width", "4")), capture_output=True, text=True, timeout=60, check=False)


def run(build, results, *more):
    return subprocess.run(
        [sys.executable, str(HERE / "run.py"), "--build", str(build), "--results", str(results),
         "--quick", "--loads", "2", *more], capture_output=True, text=True, timeout=100,
        check=False)


class Answers(unittest.TestCase):
    def test_each_url_is_asked_once_on_its_host(self):
        for contender in TRUE:
            with self.subTest(contender.name), Servers(SERVER, 2, SMALL.hosts) as servers:
                ended = start(contender, servers.urls(SMALL, 7), SMALL.urls)
                self.assertEqual(ended.returncode, 0, ended.stderr)
                told, seen = json.loads(ended.stdout), servers.seen()
                self.assertEqual((told["answers"], seen["served"], seen["requests"]), (40, 40, 40))
                self.assertEqual(seen["aborted"], 0)
                self.assertGreater(told["cpu"], 0)
                self.assertGreaterEqual(told["peak_kib"], told["start_kib"])
                self.assertEqual(len(told["quarters_kib"]), 3)

    def test_no_host_is_asked_more_often_at_once_than_it_may_be(self):
        load = contenders.Load("90 URLs", 90, 5, 10, hosts=3, per_host=2)
        for contender in (c for c in TRUE if c.limits_hosts):
            with self.subTest(contender.name), Servers(SERVER, 1, load.hosts) as servers:
                ended = start(contender, servers.urls(load, 7), load.urls, "--width", "50",
                              "--per-host", "2")
                self.assertEqual(ended.returncode, 0, ended.stderr)
                seen = servers.seen()
                self.assertEqual((seen["served"], seen["most_connections"]), (90, 6))

    def test_another_urls_answer_is_wrong(self):
        for contender in TRUE:
            with self.subTest(contender.name), Servers(SERVER, 1, SMALL.hosts) as servers:
                urls = list(servers.urls(SMALL, 7))
                urls[20] = urls[20].replace("/number/", "/delay/")
                ended = start(contender, urls, SMALL.urls)
                self.assertEqual(ended.returncode, 1, ended.stdout)
                self.assertIn("wrong answer", ended.stderr)

    def test_a_url_asked_twice_in_place_of_another_is_wrong(self):
        for contender in TRUE:
            with self.subTest(contender.name), Servers(SERVER, 1, SMALL.hosts) as servers:
                urls = list(servers.urls(SMALL, 7))
                ended = start(contender, urls[:-1] + urls[:1], SMALL.urls)
                self.assertEqual(ended.returncode, 1, ended.stdout)
                self.assertIn("was answered once", ended.stderr)


class Runs(unittest.TestCase):
    def test_the_same_urls_for_everybody(self):
        with Servers(SERVER, 1, 3) as servers:
            urls = list(servers.urls(SMALL, 7))
            self.assertEqual(urls, list(servers.urls(SMALL, 7)))
            hosts = [url.split(":")[1] for url in urls]
            self.assertEqual(sorted(map(hosts.count, set(hosts))), [13, 13, 14])

    def test_sizes_beyond_the_urls_or_beyond_patience_are_not_tried(self):
        load = contenders.LOADS[0]
        self.assertEqual(load.widths((8, 16, 512)), [8, 14])
        self.assertEqual(contenders.LOADS[2].widths((8, 32, 64, 512)), [64, 512])

    def test_a_small_run_leaves_its_figures(self):
        with tempfile.TemporaryDirectory() as folder:
            ended = run(BUILD, folder, "--only", "filch, get", "libcurl", "curl_easy")
            self.assertEqual(ended.returncode, 0, ended.stderr)
            load, = json.loads(Path(folder, "fetch_urls.json").read_text())["loads"]
            sizes = [t["width"] for t in load["tried"]]
            self.assertEqual(sizes, [8, 16, 32, 64, 128, 256, 300])
            for one in load["contenders"]:
                self.assertEqual([r["answers"] for r in one["runs"]], [300, 300], one["name"])
            self.assertIn("busy", Path(folder, "fetch_urls.md").read_text())
            picture = Path(folder, "fetch_urls.svg").read_text()
            self.assertIn("libcurl multi by hand", picture)
            xml.etree.ElementTree.fromstring(picture)

    def test_a_contender_that_asks_nobody_fails(self):
        with tempfile.TemporaryDirectory() as folder:
            build = Path(folder, "b")
            (build / "tests" / "support").mkdir(parents=True)
            (build / "tests" / "support" / "latency_server").symlink_to(SERVER)
            (build / "bench" / "contest").mkdir(parents=True)
            liar = build / "bench" / "contest" / "bench_fetch_urls_curl_multi"
            liar.write_text(f'#!{sys.executable}\nprint(\'{{"answers": 300, "seconds": 0.1}}\')\n')
            liar.chmod(0o755)
            ended = run(build, folder + "/r", "--only", "libcurl")
            self.assertEqual(ended.returncode, 1)
            self.assertIn("300 answers taken and 0 sent", ended.stderr)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
