"""Medians with their 95 % intervals, as bench/harness/statistics.cpp computes them."""
import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Interval:
    median: float
    low: float
    high: float

    def scaled(self, factor):
        return Interval(self.median * factor, self.low * factor, self.high * factor)

    def as_dict(self):
        return {"median": self.median, "low": self.low, "high": self.high}


def lower_rank(n):
    """The rank (from 0) of the interval's lower end: the upper is as far from the other end.

    How many of n values fall below the true median is a fair coin's count, whatever their
    distribution; each side may miss it with 2.5 %.
    """
    below, rank = 0.0, 0
    for k in range(n // 2):
        below += math.comb(n, k) / 2**n
        if below > 0.025:
            break
        rank = k
    return rank


def median_interval(sample):
    """Below 6 values no two ranks enclose the median, and the ends of the sample stand in."""
    if not sample:
        raise ValueError("an empty sample has no median")
    ordered = sorted(sample)
    n = len(ordered)
    low = lower_rank(n)
    median = (ordered[(n - 1) // 2] + ordered[n // 2]) / 2
    return Interval(median, ordered[low], ordered[n - 1 - low])


def ratios(numerators, denominators):
    """Turn by turn: what a turn's machine did to both falls out."""
    return [a / b for a, b in zip(numerators, denominators) if b > 0]
