"""The processes of a Ray cluster that analyse photos: started, kept busy, and replaced when they die."""

from __future__ import annotations

import logging
import time
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from retrieval.errors import ConfigurationError
from retrieval.processes.extras import required

from .actor import Facts, Found, Photo, PhotoAnalyzer, installed_version

logger = logging.getLogger(__name__)

CALL_PHOTOS = 8
"""Photos of a call, at least; as many as a pass of the network takes where those are more."""

CALL_BYTES = 32 * 1024**2
"""A call has no further photo once it has so many bytes."""

CALLS_AHEAD = 2
"""Calls that a process has at once beyond its passes of the network: one is read and decoded, one is segmented."""

MOST_CALLS = 64
DEATHS = 2
"""A photo is failed if so many processes died while they had it alone."""

LOOK_SECONDS = 5.0
"""How often it is looked which machines the cluster has."""

PATIENCE_SECONDS = 60.0

Slot = tuple[str, int]
"""A machine's id in the cluster, and the number of the process on it."""


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a process runs: one on each machine with all its cores, or one for each of its GPUs."""

    slot: Slot
    machine: str
    parts: int
    cpus: float
    gpus: int


@dataclass(eq=False, slots=True)
class _Process:
    place: _Place
    actor: Any
    ready: Any
    facts: Facts | None = None
    calls: dict[Any, list[Photo]] = field(default_factory=dict)
    is_alone: bool = False

    @property
    def call_photos(self) -> int:
        return max(CALL_PHOTOS, self.facts["batch_size"]) if self.facts else 0

    @property
    def free_calls(self) -> int:
        if self.facts is None or self.is_alone:
            return 0
        return min(self.facts["concurrency"] + CALLS_AHEAD, MOST_CALLS) - len(self.calls)


class RayPool:
    """Analyses photos on all machines of a cluster, those that join it later included; for one thread.

    A photo whose process dies is analysed again, alone in a process: one that kills them does not take others with it,
    and is given up.

    Parameters
    ----------
    ray : module
        Connected to the cluster.
    recipe, device : str
    fingerprint : str
        Of the recipe on this machine; others must have the same.
    """

    def __init__(self, ray: Any, recipe: str, device: str, fingerprint: str) -> None:
        self._ray, self._recipe, self._device, self._fingerprint = ray, recipe, device, fingerprint
        self._processes: dict[Slot, _Process] = {}
        self._faulty: dict[Slot, str] = {}
        self._waiting: deque[Photo] = deque()
        self._suspects: deque[Photo] = deque()
        self._deaths: Counter[int] = Counter()
        self._given_up: list[Found] = []
        self._looked = -LOOK_SECONDS
        self._worked, self._is_told = time.monotonic(), False

    def room(self) -> int:
        """How many photos may be added now: none while any is suspected of killing processes."""
        if self._suspects or any(each.is_alone for each in self._processes.values()):
            return 0
        free = sum(each.free_calls * each.call_photos for each in self._processes.values())
        return max(0, free - len(self._waiting))

    def is_idle(self) -> bool:
        """Whether no photo is here."""
        return not (
            self._waiting or self._suspects or self._given_up or any(each.calls for each in self._processes.values())
        )

    def add(self, photos: Sequence[Photo]) -> None:
        """Have photos analysed."""
        self._waiting.extend(photos)
        self._hand_out()

    def drop_waiting(self) -> None:
        """Forget photos that no process has begun."""
        self._waiting.clear()
        self._suspects.clear()

    def results(self, timeout: float) -> Iterator[Found]:
        """What became of photos, as soon as there is something, or nothing after `timeout` seconds.

        Raises
        ------
        ConfigurationError
            On no machine can a process be started.
        Exception
            What a process raised: its device, disk or memory fails.
        """
        self._look()
        calls = {ref: each for each in self._processes.values() for ref in (each.calls if each.facts else [each.ready])}
        if calls and not self._given_up:
            self._ray.wait(list(calls), num_returns=1, timeout=timeout)
        elif not calls and not self._given_up:
            time.sleep(timeout)
        ready, _ = self._ray.wait(list(calls), num_returns=len(calls), timeout=0) if calls else ([], [])
        for ref in ready:
            process = calls[ref]
            if process.facts is None:
                self._begin(process)
            elif ref in process.calls:
                yield from self._answers(process, ref)
        given_up, self._given_up = self._given_up, []
        yield from given_up
        self._hand_out()

    def close(self) -> None:
        """End the processes."""
        for process in self._processes.values():
            self._kill(process)
        self._processes.clear()

    # ---- processes

    def _look(self) -> None:
        """Start processes where there are none yet, or none any more."""
        if time.monotonic() - self._looked < LOOK_SECONDS:
            return
        self._looked = time.monotonic()
        places = {place.slot: place for place in self._places()}
        for slot, place in places.items():
            if slot not in self._processes and slot not in self._faulty:
                self._processes[slot] = self._started(place)
        if not self._processes and self._faulty and set(places) <= set(self._faulty):
            raise ConfigurationError(next(iter(self._faulty.values())))
        self._tell_of_waiting(bool(places))

    def _places(self) -> Iterator[_Place]:
        for node in self._ray.nodes():
            resources = node["Resources"]
            cpus, gpus = resources.get("CPU", 0.0), int(resources.get("GPU", 0)) if self._device != "cpu" else 0
            if not node["Alive"] or (cpus < 1 and not gpus):
                continue
            parts = max(1, gpus)
            for part in range(parts):
                yield _Place((node["NodeID"], part), node["NodeManagerHostname"], parts, cpus // parts, min(gpus, 1))

    def _started(self, place: _Place) -> _Process:
        strategies = required("ray.util.scheduling_strategies")
        actor = (
            self._ray.remote(PhotoAnalyzer)
            .options(
                num_cpus=place.cpus,
                num_gpus=place.gpus,
                max_concurrency=MOST_CALLS,
                max_restarts=0,
                scheduling_strategy=strategies.NodeAffinitySchedulingStrategy(place.slot[0], soft=False),
            )
            .remote(self._recipe, self._device, place.slot[1], place.parts)
        )
        return _Process(place, actor, actor.facts.remote())

    def _begin(self, process: _Process) -> None:
        """Use a process that has started, unless it could not or is another program."""
        fault = None
        try:
            facts: Facts = self._ray.get(process.ready)
        except self._ray.exceptions.RayError as error:
            if self._is_alive(process.place):
                fault = f"cannot analyse photos: {_reason(error)}"
            else:
                del self._processes[process.place.slot]
                return
        else:
            if facts["version"] != installed_version():
                fault = f"has SegSearch {facts['version']}, this machine {installed_version()}: install the same"
            elif facts["recipe"] != self._fingerprint:
                fault = f"has another recipe {self._recipe}: give it the same weights and settings as this machine"
            else:
                process.facts = facts
        if fault is not None:
            fault = f"machine {process.place.machine} of the Ray cluster {fault}"
            logger.warning("%s", fault)
            self._faulty[process.place.slot] = fault
            self._kill(process)
            del self._processes[process.place.slot]
            self._looked = -LOOK_SECONDS

    def _is_alive(self, place: _Place) -> bool:
        return any(node["Alive"] and node["NodeID"] == place.slot[0] for node in self._ray.nodes())

    def _kill(self, process: _Process) -> None:
        with suppress(self._ray.exceptions.RayError, ValueError):
            self._ray.kill(process.actor)

    def _tell_of_waiting(self, has_places: bool) -> None:
        """Say once that nothing happens, and why, if no process has started for long."""
        if any(each.facts for each in self._processes.values()):
            self._worked, self._is_told = time.monotonic(), False
        elif not self._is_told and (not has_places or time.monotonic() - self._worked > PATIENCE_SECONDS):
            what = "free processor cores" if has_places else "machines with processor cores"
            logger.warning("waiting: the Ray cluster has no %s", what)
            self._is_told = True

    # ---- photos

    def _hand_out(self) -> None:
        """Give photos to the processes with the fewest, and each suspect to one that has no other."""
        while self._suspects and (idle := [each for each in self._processes.values() if each.facts and not each.calls]):
            self._call(idle[0], [self._suspects.popleft()], is_alone=True)
        while self._waiting and not self._suspects:
            process = max(self._processes.values(), key=lambda each: each.free_calls, default=None)
            if process is None or process.free_calls <= 0:
                return
            self._call(process, self._next_photos(process.call_photos))

    def _next_photos(self, most: int) -> list[Photo]:
        photos, size = [self._waiting.popleft()], 0
        while self._waiting and len(photos) < most:
            size += len(photos[-1]["content"] or b"")
            if size > CALL_BYTES:
                break
            photos.append(self._waiting.popleft())
        return photos

    def _call(self, process: _Process, photos: list[Photo], *, is_alone: bool = False) -> None:
        process.calls[process.actor.analyze.remote(photos)] = photos
        process.is_alone = is_alone

    def _answers(self, process: _Process, ref: Any) -> list[Found]:
        """What a call gave; nothing if it was lost, with its process."""
        try:
            found: list[Found] = self._ray.get(ref)
        except self._ray.exceptions.RayTaskError:
            raise
        except self._ray.exceptions.RayError as error:
            self._lose(process, error)
            return []
        del process.calls[ref]
        process.is_alone = False
        return found

    def _lose(self, process: _Process, error: Exception) -> None:
        """Replace a process that has died; its photos are analysed again, each alone, or are given up."""
        logger.warning("a process on %s ended: %s", process.place.machine, _reason(error))
        calls, process.calls = process.calls, {}
        for photo in [photo for photos in calls.values() for photo in photos]:
            key = photo["image_id"]
            self._deaths[key] += process.is_alone
            if self._deaths[key] < DEATHS:
                self._suspects.append(photo)
            else:
                told = f"given up: {DEATHS} processes died while analysing this photo; try again with `retry-failed`"
                self._given_up.append({"image_id": key, "fault": told})
        self._kill(process)
        del self._processes[process.place.slot]
        self._looked = -LOOK_SECONDS


def _reason(error: Exception) -> str:
    """The last line of an error, which is the cause, without a trace."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__
