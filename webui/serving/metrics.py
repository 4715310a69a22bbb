"""What is counted and timed: requests, searches, and the contents of catalogue and index, for Prometheus."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass

from flask import Flask, Response, current_app, request
from prometheus_client import CollectorRegistry, Counter, Histogram, PlatformCollector, ProcessCollector
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from retrieval.search.answer import SearchAnswer

from ..context import WebContext
from .following import Follower
from .requests import seconds_so_far

logger = logging.getLogger(__name__)

METRICS = "segsearch-metrics"
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


@dataclass(frozen=True, eq=False, slots=True)
class Metrics:
    """The metrics of one application.

    Attributes
    ----------
    registry : CollectorRegistry
    requests : Counter
    latency : Histogram
        Of requests, until the response headers are ready.
    searches : Histogram
    follower : Follower or None
        The thread that must be up to date for the server to be ready.
    """

    registry: CollectorRegistry
    requests: Counter
    latency: Histogram
    searches: Histogram
    follower: Follower | None

    @classmethod
    def of(cls, parts: WebContext, follower: Follower | None) -> Metrics:
        """Metrics in their own registry, with those of the process and the database."""
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
                "Seconds per request.",
                ("method", "route"),
                registry=registry,
                buckets=SECONDS,
            ),
            Histogram("segsearch_search_seconds", "Seconds per search.", registry=registry, buckets=SECONDS),
            follower,
        )


class _Contents(Collector):
    """Contents of the catalogue and the index, read at each scrape."""

    def __init__(self, parts: WebContext) -> None:
        self._parts = parts

    def describe(self) -> list[GaugeMetricFamily]:
        """Nothing, so that registering does not query the database."""
        return []

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """The gauges; without those of the catalogue if it does not answer."""
        engine = self._parts.engine
        count = engine.segments.stats().count
        yield GaugeMetricFamily("segsearch_indexed_segments", "Segments that are searchable.", value=count)
        yield GaugeMetricFamily("segsearch_index_lag", "Segments that are not searchable yet.", value=engine.lag)
        answers = False
        try:
            states = GaugeMetricFamily("segsearch_photos", "Photos by state.", labels=["state"])
            for state, count in self._parts.catalog.images.counts().items():
                states.add_metric([state], count)
            answers = True
            yield states
        except Exception:
            logger.exception("cannot count the catalogue")
        yield GaugeMetricFamily("segsearch_catalog_up", "Whether the catalogue answers.", value=float(answers))


def measure(app: Flask, parts: WebContext, follower: Follower | None) -> None:
    """Count and time every request to `app`."""
    metrics = app.extensions[METRICS] = Metrics.of(parts, follower)

    @app.after_request
    def finish(response: Response) -> Response:
        route = request.url_rule.rule if request.url_rule else "none"
        method = request.method if request.method in METHODS else "other"
        metrics.requests.labels(method, route, str(response.status_code)).inc()
        if (seconds := seconds_so_far()) is not None:
            metrics.latency.labels(method, route).observe(seconds)
        return response


def observe_search(answer: SearchAnswer) -> None:
    """Count an answered search and its time."""
    metrics_of_app().searches.observe(answer.took_ms / 1000)


def metrics_of_app() -> Metrics:
    """What the current application counts."""
    found: Metrics = current_app.extensions[METRICS]
    return found
