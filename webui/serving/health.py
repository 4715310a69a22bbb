"""For machines that watch the server: whether it lives, whether it is ready, and how it is doing (Prometheus)."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass

from flask import Blueprint, Flask, Response, current_app, g, jsonify, request
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from retrieval.search.answer import SearchAnswer

from ..context import WebContext, context
from .following import Follower

logger = logging.getLogger(__name__)

METRICS = "segsearch-metrics"
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


@dataclass(frozen=True, eq=False, slots=True)
class Metrics:
    """What is counted in one application.

    Attributes
    ----------
    registry : CollectorRegistry
    requests : Counter
    latency : Histogram
        Of requests, until the head of the answer is ready.
    searches : Histogram
    follower : Follower or None
        The thread whose work is part of being ready.
    """

    registry: CollectorRegistry
    requests: Counter
    latency: Histogram
    searches: Histogram
    follower: Follower | None

    @classmethod
    def of(cls, parts: WebContext, follower: Follower | None) -> Metrics:
        """Metrics in a registry of their own, with those of the process and of the database beside them."""
        registry = CollectorRegistry()
        registry.register(_Contents(parts))
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)
        labels = ("method", "route", "status")
        return cls(
            registry,
            Counter("segsearch_http_requests", "Requests answered.", labels, registry=registry),
            Histogram(
                "segsearch_http_request_seconds",
                "Seconds until an answer was ready.",
                ("method", "route"),
                registry=registry,
                buckets=SECONDS,
            ),
            Histogram("segsearch_search_seconds", "Seconds a search took.", registry=registry, buckets=SECONDS),
            follower,
        )


class _Contents(Collector):
    """What is in the catalogue and in the index, asked for at each scrape."""

    def __init__(self, parts: WebContext) -> None:
        self._parts = parts

    def describe(self) -> list[GaugeMetricFamily]:
        """Nothing, so that registering asks no database."""
        return []

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """The gauges; without those of the catalogue if it does not answer."""
        index = self._parts.engine.segments
        yield GaugeMetricFamily("segsearch_indexed_segments", "Segments that a search can find.", value=len(index))
        yield GaugeMetricFamily("segsearch_index_lag", "Segments that are not searchable yet.", value=index.lag)
        answers = False
        try:
            states = GaugeMetricFamily("segsearch_photos", "Photos by state.", labels=["state"])
            for state, count in self._parts.catalog.counts().items():
                states.add_metric([state], count)
            answers = True
            yield states
        except Exception:
            logger.exception("the catalogue cannot be counted")
        yield GaugeMetricFamily("segsearch_catalog_up", "Whether the catalogue answers.", value=float(answers))


def measure(app: Flask, parts: WebContext, follower: Follower | None) -> None:
    """Have every request to `app` counted and timed."""
    metrics = app.extensions[METRICS] = Metrics.of(parts, follower)

    @app.before_request
    def start() -> None:
        g.started = time.perf_counter()

    @app.after_request
    def finish(response: Response) -> Response:
        route = request.url_rule.rule if request.url_rule else "none"
        method = request.method if request.method in METHODS else "other"
        metrics.requests.labels(method, route, str(response.status_code)).inc()
        if "started" in g:
            metrics.latency.labels(method, route).observe(time.perf_counter() - g.started)
        return response


def observe_search(answer: SearchAnswer) -> None:
    """Count a search that was answered, and the time it took."""
    _metrics().searches.observe(answer.took_ms / 1000)


health = Blueprint("health", __name__)


@health.get("/healthz")
def is_alive() -> Response:
    """Whether the process answers at all."""
    return jsonify(status="ok")


@health.get("/readyz")
def is_ready() -> tuple[Response, int]:
    """Whether everything is there that searches need; 503 and what is not, otherwise.

    What fails in the background leaves searches as they are: it is listed, and does not make the server unready.
    """
    parts, follower = context(), _metrics().follower
    checks = {
        "catalog": _catalog_answers(parts),
        "index": follower is None or follower.is_fresh,
        "analyzer": parts.analyzer_is_up(),
    }
    ready = all(checks.values())
    state = {"status": "ready" if ready else "not ready", "lag": parts.engine.segments.lag}
    failing = [
        {"duty": each.name, "since": each.failing_since, "failures": each.failures, "error": each.kind}
        for each in parts.assembly.duties.failing()
    ]
    return jsonify({**state, "checks": checks, "failing": failing}), 200 if ready else 503


@health.get("/metrics")
def metrics() -> Response:
    """Counters, histograms and gauges in the text format of Prometheus."""
    return Response(generate_latest(_metrics().registry), content_type=CONTENT_TYPE_LATEST)


def _metrics() -> Metrics:
    found: Metrics = current_app.extensions[METRICS]
    return found


def _catalog_answers(parts: WebContext) -> bool:
    try:
        parts.catalog.counts()
    except Exception:
        logger.exception("the catalogue does not answer")
        return False
    return True
