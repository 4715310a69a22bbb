"""Queues: Erlang's formula, a discrete-event simulation of servers with one queue, and traces of arrivals.

Times are seconds. Every random draw comes from a generator that is given, so a seed decides all results.

References: Kleinrock, Queueing Systems, volume 1, 1975, section 3.5 (Erlang C); Allen, Probability, Statistics, and
Queueing Theory, 1990, section 5.3.5 (Allen and Cunneen's approximation for other service times); Lewis and Shedler,
"Simulation of nonhomogeneous Poisson processes by thinning", Naval Research Logistics Quarterly 26, 1979.
"""

from __future__ import annotations

import heapq
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

QUIET = 0.1
"""Rate at the quietest time of a day, beside the busiest one."""
MEAN_RATE = (1 + QUIET) / 2
"""Mean rate of a day, beside its busiest time."""


@dataclass(frozen=True, eq=False, slots=True)
class Served:
    """What became of jobs by the end of a simulation.

    Attributes
    ----------
    arrivals, starts, ends : ndarray of shape (N,)
        Seconds; in the order of arrival. Starts and ends may lie after `until`.
    servers : int
    until : float
        When the simulation ended.
    """

    arrivals: Floats
    starts: Floats
    ends: Floats
    servers: int
    until: float

    @property
    def served(self) -> int:
        """How many were done at the end."""
        return int((self.ends <= self.until).sum())

    @property
    def in_service(self) -> int:
        """How many were at a server at the end."""
        return int(((self.starts <= self.until) & (self.ends > self.until)).sum())

    @property
    def waiting(self) -> int:
        """How many had arrived and not begun at the end."""
        return int(((self.arrivals <= self.until) & (self.starts > self.until)).sum())

    @property
    def waits(self) -> Floats:
        """Seconds between arrival and start, of those that began before the end."""
        begun = self.starts <= self.until
        return self.starts[begun] - self.arrivals[begun]

    @property
    def responses(self) -> Floats:
        """Seconds between arrival and end, of all; O(N)."""
        return self.ends - self.arrivals

    def utilisation(self, since: float, until: float) -> float:
        """Share of the servers' time between two moments in which they were at work."""
        busy = np.clip(self.ends, since, until) - np.clip(self.starts, since, until)
        return float(busy.sum() / (self.servers * (until - since)))

    def backlog(self, at: Floats) -> NDArray[np.int64]:
        """How many wait at moments, those at a server left out, (M,); O((N + M) log N)."""
        return np.searchsorted(self.arrivals, at, "right") - np.searchsorted(np.sort(self.starts), at, "right")


def simulate(arrivals: Floats, services: Floats, servers: int, until: float = math.inf) -> Served:
    """Jobs in the order of their arrival, each taken by the first of some equal servers that is free.

    Parameters
    ----------
    arrivals, services : ndarray of shape (N,)
        Rising moments, and how long each job takes.
    servers : int
    until : float, optional
        When to stop; otherwise all jobs are done.

    Raises
    ------
    ValueError
        Arrivals fall, a service is negative, their numbers differ, or there is no server.

    Notes
    -----
    The events are kept in a heap of the moments at which servers become free. O(N log servers).
    """
    if len(arrivals) != len(services):
        raise ValueError(f"{len(arrivals)} arrivals and {len(services)} services: give one for each job")
    if servers < 1:
        raise ValueError(f"{servers} servers: give at least one")
    if (np.diff(arrivals) < 0).any() or (np.asarray(services) < 0).any():
        raise ValueError("arrivals must rise, and services must not be negative: sort the trace")
    free = [-math.inf] * servers
    starts = np.empty(len(arrivals))
    for job, (arrival, service) in enumerate(zip(arrivals.tolist(), services.tolist(), strict=True)):
        start = max(arrival, free[0])
        heapq.heapreplace(free, start + service)
        starts[job] = start
    ends = starts + services
    last = float(ends.max(initial=0)) if math.isinf(until) else until
    return Served(np.asarray(arrivals, float), starts, ends, servers, last)


def simulate_clients(clients: int, services: Floats, servers: int) -> Served:
    """Clients that each ask again as soon as they have their answer; O(N log clients)."""
    ready, free = [0.0] * clients, [-math.inf] * servers
    arrivals, starts = np.empty(len(services)), np.empty(len(services))
    for job, service in enumerate(services.tolist()):
        arrivals[job] = ready[0]
        starts[job] = max(ready[0], free[0])
        heapq.heapreplace(free, starts[job] + service)
        heapq.heapreplace(ready, starts[job] + service)
    return Served(arrivals, starts, starts + services, servers, float((starts + services).max(initial=0)))


def erlang_c(servers: int, load: float) -> float:
    """Probability that a job has to wait, with Poisson arrivals and exponential services; O(servers).

    Parameters
    ----------
    servers : int
    load : float
        Arrivals a second times the mean service, in servers; 1 is returned from `servers` on.
    """
    if load >= servers:
        return 1.0
    blocked = 1.0  # Erlang B
    for count in range(1, servers + 1):
        blocked = load * blocked / (count + load * blocked)
    return blocked / (1 - load / servers * (1 - blocked))


def mean_wait(servers: int, rate: float, services: Floats) -> float:
    """Mean seconds before a job starts, after Allen and Cunneen; infinite from full load on."""
    mean = float(services.mean())
    if rate * mean >= servers:
        return math.inf
    variation = float(services.var()) / mean**2
    return erlang_c(servers, rate * mean) / (servers / mean - rate) * (1 + variation) / 2


def poisson(rng: np.random.Generator, rate: float, count: int) -> Floats:
    """Arrivals at a constant rate, (count,)."""
    return np.cumsum(rng.exponential(1 / rate, count))


def day_curve(share: Floats) -> Floats:
    """Rate beside the busiest time, which is in the middle, by the share of a day that has passed."""
    return MEAN_RATE - (1 - QUIET) / 2 * np.cos(2 * math.pi * share)


def daily(rng: np.random.Generator, peak: float, seconds: float) -> Floats:
    """Arrivals of a Poisson process whose rate follows a day that lasts so many seconds, by thinning."""
    all_day = np.sort(rng.uniform(0, seconds, rng.poisson(peak * seconds)))
    return all_day[rng.uniform(size=len(all_day)) < day_curve(all_day / seconds)]


def uploads(rng: np.random.Generator, photos: float, at_once: float, seconds: float) -> Floats:
    """Arrivals of photos in uploads of a geometric number, which follow the day; the photos of one arrive together.

    Parameters
    ----------
    rng : numpy.random.Generator
    photos, at_once : float
        Mean number of photos in the day, and of an upload.
    seconds : float
        Length of the day.
    """
    moments = daily(rng, photos / at_once / (seconds * MEAN_RATE), seconds)
    return np.repeat(moments, rng.geometric(1 / at_once, len(moments)))
