"""Admission control: how many requests of each kind run at once, so that slow ones leave threads for the rest.

For each kind, a limited number of requests run and a limited number wait for a short time; further ones get a 503 with
``Retry-After``. There are more threads than all kinds can use together, so `/healthz` always finds one.

References
----------
Nygard, "Release It!", 2nd ed., 2018, chapter 5, "Bulkheads" and "Shed Load".
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from flask import Flask, Response, current_app, g, request
from werkzeug.exceptions import ServiceUnavailable

RETRY_SECONDS = 2
GATES = "segsearch-gates"


@dataclass(frozen=True, slots=True)
class Quota:
    """Limits for requests of one kind.

    Attributes
    ----------
    running, waiting : int
        The most requests that run and that wait at once.
    patience : float
        The most seconds that a request waits.
    """

    running: int
    waiting: int
    patience: float


QUOTAS: Mapping[str, Quota] = {
    "analysis": Quota(2, 4, 20.0),
    "resegmentation": Quota(1, 2, 20.0),
    "upload": Quota(3, 6, 20.0),
    "picture": Quota(8, 8, 10.0),
    "download": Quota(2, 2, 20.0),
    "events": Quota(16, 0, 0.0),
    "search": Quota(4, 12, 10.0),
    "learning": Quota(2, 4, 10.0),
    "other": Quota(6, 12, 10.0),
}

KINDS: Mapping[str, str | None] = {
    "api_queries.add_query": "analysis",
    "api_segmentation.preview_segmentation": "resegmentation",
    "api_segmentation.take_segmentation": "resegmentation",
    "api_images.add_image": "upload",
    "api_images.get_file": "picture",
    "api_images.get_thumbnail": "picture",
    "api_images.get_preview": "picture",
    "api_images.get_crop": "picture",
    "api_status.follow_status": "events",
    "api_bulk.download_images": "download",
    "api_export.export_photos": "download",
    "api_queries.get_query_file": "picture",
    "api_search.find": "search",
    "api_timeline.count_photos": "search",
    "api_batch.find_many": "search",
    "api_batch.get_segments": "search",
    "api_search.count_facets": "search",
    "api_search.select_segment": "analysis",
    "api_feedback.begin_feedback": "search",
    "api_feedback.get_feedback": "search",
    "api_feedback.add_round": "search",
    "api_feedback.take_back": "search",
    "api_concepts.learn_concepts": "learning",
    "api_concepts.import_concepts": "learning",
    "api_clusters.update_clusters": "learning",
    "health.is_alive": None,
    "health.is_ready": None,
    "health.metrics": None,
}
"""By endpoint. Other endpoints are "other"; endpoints with None never wait."""

SPARE_THREADS = 4
THREADS = sum(quota.running + quota.waiting for quota in QUOTAS.values()) + SPARE_THREADS


class Gate:
    """Enforces one quota.

    Parameters
    ----------
    quota : Quota
    """

    def __init__(self, quota: Quota) -> None:
        self._patience = quota.patience
        self._inside = threading.Semaphore(quota.running)
        self._admitted = threading.Semaphore(quota.running + quota.waiting)

    def enter(self, *, patient: bool = True) -> bool:
        """Wait for a slot, if `patient`; returns whether there was one. If so, the caller must `leave`."""
        if not self._admitted.acquire(blocking=False):
            return False
        if self._inside.acquire(timeout=self._patience if patient else 0):
            return True
        self._admitted.release()
        return False

    def leave(self) -> None:
        """Free the slot."""
        self._inside.release()
        self._admitted.release()


def hold_until_sent(response: Response) -> Response:
    """Keep the slot of this request until its answer, which is made while it is sent, has been sent or given up."""
    gate: Gate | None = g.pop("gate", None) if request.method != "HEAD" else None  # without a body nothing is closed
    if gate is None:
        return response
    left = threading.Lock()

    def leave_once() -> None:
        if left.acquire(blocking=False):
            gate.leave()

    parts = response.response

    def sent() -> Iterator[Any]:
        yield from parts
        leave_once()

    response.response = sent()
    response.call_on_close(leave_once)  # also if nobody wanted the rest of it
    return response


@contextmanager
def at_once(kind: str) -> Iterator[bool]:
    """Do something of a kind within a request of another; tells whether there is a slot for it without waiting."""
    gate: Gate = current_app.extensions[GATES][kind]
    is_free = gate.enter(patient=False)
    try:
        yield is_free
    finally:
        if is_free:
            gate.leave()


def admit(app: Flask, quotas: Mapping[str, Quota] = QUOTAS) -> None:
    """Make every request to `app` wait for a slot, or refuse it if too many wait."""
    gates = app.extensions[GATES] = {kind: Gate(quota) for kind, quota in quotas.items()}

    @app.before_request
    def enter() -> None:
        kind = KINDS.get(request.endpoint or "", "other")
        if kind is None:
            return
        gate = gates[kind]
        if not gate.enter():
            raise ServiceUnavailable(
                f"the server is busy with other requests of this kind: try again in {RETRY_SECONDS} s",
                retry_after=RETRY_SECONDS,
            )
        g.gate = gate

    @app.teardown_request
    def leave(_: BaseException | None) -> None:
        gate: Gate | None = g.pop("gate", None)
        if gate is not None:
            gate.leave()
