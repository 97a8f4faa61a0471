#!/usr/bin/env python3
"""Would priorities on the critical path pay? A graph's nodes in the order of our workers (own
deque newest first, thieves take the oldest) against the best order known for a list schedule
(longest way to a sink first, one queue for all, no cost), simulated.

usage: graph_order.py [--seeds N] [--json FILE] [--quick]

Both are greedy: no worker is idle while a node is ready. Steals and queues cost nothing, so the
gain is the most that priorities could give. docs/decisions/0012 tells what follows.
"""
import argparse
import heapq
import json
import random
import statistics


def cholesky(tiles):
    """Tiled Cholesky with the real shares of its four kernels: 1/3, 1, 1 and 2 tile products."""
    nodes, after, cost = {}, [], []

    def node(key, weight, *before):
        nodes[key] = len(cost)
        cost.append(weight)
        after.append([])
        for b in before:
            if b in nodes:
                after[nodes[b]].append(nodes[key])

    for k in range(tiles):
        node(("potrf", k), 1 / 3, ("update", k, k, k - 1))
        for i in range(k + 1, tiles):
            node(("trsm", i, k), 1, ("potrf", k), ("update", i, k, k - 1))
        for i in range(k + 1, tiles):
            for j in range(k + 1, i + 1):
                node(("update", i, j, k), 1 if i == j else 2, ("trsm", i, k), ("trsm", j, k),
                     ("update", i, j, k - 1))
    return after, cost


def random_dag(n, edges, draw):
    """As the graph of bench/graph_shapes, with costs between next to nothing and many means."""
    after = [[] for _ in range(n)]
    for _ in range(edges):
        b = draw.randrange(1, n)
        after[draw.randrange(max(0, b - 100), b)].append(b)
    return after, [draw.lognormvariate(0, 1.5) for _ in range(n)]


def wavefront(side, draw):
    after = [[] for _ in range(side * side)]
    for i in range(side):
        for j in range(side):
            if i + 1 < side:
                after[i * side + j].append((i + 1) * side + j)
            if j + 1 < side:
                after[i * side + j].append(i * side + j + 1)
    return after, [draw.lognormvariate(0, 1) for _ in range(side * side)]


def build_system(n, draw):
    """Many short compilations, a few that take 50 times as long, libraries, one last link."""
    after, cost = [], []
    libraries = n // 50
    for _ in range(n):
        after.append([n + draw.randrange(libraries)])
        cost.append(50.0 if draw.random() < 0.01 else draw.uniform(0.5, 1.5))
    for k in range(libraries):
        after.append([n + libraries])
        cost.append(3.0)
    after.append([])
    cost.append(10.0)
    return after, cost


def longest_way(after, cost):
    bottom = [0.0] * len(cost)
    left = [len(a) for a in after]
    before = [[] for _ in cost]
    for a, bs in enumerate(after):
        for b in bs:
            before[b].append(a)
    ready = [v for v, n in enumerate(left) if n == 0]
    while ready:
        v = ready.pop()
        bottom[v] = cost[v] + max((bottom[b] for b in after[v]), default=0.0)
        for a in before[v]:
            left[a] -= 1
            if left[a] == 0:
                ready.append(a)
    return bottom


def simulate(after, cost, workers, queues):
    """The time until all nodes have run."""
    left = [0] * len(cost)
    for bs in after:
        for b in bs:
            left[b] += 1
    queues.start([v for v, n in enumerate(left) if n == 0])
    idle = list(range(workers))
    running, now, done = [], 0.0, 0
    while True:
        for w in tuple(idle):
            v = queues.take(w)
            if v is None:
                continue
            idle.remove(w)
            heapq.heappush(running, (now + cost[v], w, v))
        if not running:
            if done != len(cost):
                raise SystemExit(f"{done} of {len(cost)} nodes have run")
            return now
        now, w, v = heapq.heappop(running)
        done += 1
        idle.append(w)
        freed = []
        for b in after[v]:
            left[b] -= 1
            if left[b] == 0:
                freed.append(b)
        queues.give(w, freed)


class deques:
    def __init__(self, workers, draw):
        self.own = [[] for _ in range(workers)]
        self.draw = draw

    def start(self, sources):
        self.own[0].extend(sources)

    def give(self, w, nodes):
        self.own[w].extend(nodes)

    def take(self, w):
        if self.own[w]:
            return self.own[w].pop()
        first = self.draw.randrange(len(self.own))
        for k in range(len(self.own)):
            victim = self.own[(first + k) % len(self.own)]
            if victim:
                return victim.pop(0)
        return None


class by_priority:
    def __init__(self, bottom):
        self.bottom = bottom
        self.ready = []

    def start(self, sources):
        self.give(0, sources)

    def give(self, _, nodes):
        for v in nodes:
            heapq.heappush(self.ready, (-self.bottom[v], v))

    def take(self, _):
        return heapq.heappop(self.ready)[1] if self.ready else None


def main():
    args = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    args.add_argument("--seeds", type=int, default=5)
    args.add_argument("--json")
    args.add_argument("--quick", action="store_true", help="small graphs, for a test")
    args = args.parse_args()
    tiles, n, side = (6, 500, 20) if args.quick else (24, 10_000, 100)
    shapes = {
        f"cholesky, {tiles}x{tiles} tiles": lambda d: cholesky(tiles),
        f"random, {n} nodes, {4 * n} edges": lambda d: random_dag(n, 4 * n, d),
        f"wavefront {side}x{side}": lambda d: wavefront(side, d),
        f"build of {n // 2} files": lambda d: build_system(n // 2, d),
    }
    rows = []
    print(f"{'shape':36} {'parallelism':>11} {'workers':>7} {'deques':>7} {'priority':>8} {'gain':>6}")
    for name, make in shapes.items():
        for workers in (2, 4, 16, 64):
            ratios, of_ideal, parallelism = [], [], []
            for seed in range(args.seeds):
                draw = random.Random(seed)
                after, cost = make(draw)
                bottom = longest_way(after, cost)
                ideal = max(sum(cost) / workers, max(bottom))
                ours = simulate(after, cost, workers, deques(workers, draw))
                best = simulate(after, cost, workers, by_priority(bottom))
                # Graham: no greedy order takes longer than this, and none less than the ideal.
                most = sum(cost) / workers + max(bottom)
                for took in (ours, best):
                    if not 0.999 * ideal <= took <= 1.001 * most:
                        raise SystemExit(f"{name}: {took} is impossible, the simulation is wrong")
                ratios.append(ours / best)
                of_ideal.append((ours / ideal, best / ideal))
                parallelism.append(sum(cost) / max(bottom))
            row = {"shape": name, "workers": workers,
                   "parallelism": round(statistics.median(parallelism), 1),
                   "deques_of_ideal": round(statistics.median(o for o, _ in of_ideal), 3),
                   "priority_of_ideal": round(statistics.median(b for _, b in of_ideal), 3),
                   "gain": round(statistics.median(ratios), 3)}
            rows.append(row)
            print(f"{name:36} {row['parallelism']:11} {workers:7} {row['deques_of_ideal']:7} "
                  f"{row['priority_of_ideal']:8} {row['gain']:6}", flush=True)
    if args.json:
        with open(args.json, "w", encoding="utf-8") as out:
            json.dump({"seeds": args.seeds, "rows": rows}, out, indent=1)
            out.write("\n")


if __name__ == "__main__":
    main()
