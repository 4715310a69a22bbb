"""Monitoring: whether the server is alive, whether it is ready, and metrics for Prometheus."""

from __future__ import annotations

import logging

from flask import Blueprint, Response, jsonify
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from ..context import WebContext, context, outdated
from .metrics import metrics_of_app

logger = logging.getLogger(__name__)

health = Blueprint("health", __name__)


@health.get("/healthz")
def is_alive() -> Response:
    """Whether the process answers at all."""
    return jsonify(status="ok")


@health.get("/readyz")
def is_ready() -> tuple[Response, int]:
    """Whether everything that searches need is available; otherwise a 503 that lists what is not.

    Background failures do not affect searches: they are listed, but do not make the server unready.
    """
    parts, follower = context(), metrics_of_app().follower
    checks = {
        "catalog": _catalog_answers(parts),
        "schema": outdated() is None,
        "index": follower is None or follower.is_fresh,
        "analyzer": parts.analyzer_is_up(),
    }
    ready = all(checks.values())
    state = {"status": "ready" if ready else "not ready", "lag": parts.engine.lag}
    failing = [
        {"duty": each.name, "since": each.failing_since, "failures": each.failures, "error": each.kind}
        for each in parts.assembly.duties.failing()
    ]
    return jsonify({**state, "checks": checks, "failing": failing}), 200 if ready else 503


@health.get("/metrics")
def metrics() -> Response:
    """Counters, histograms and gauges in the text format of Prometheus."""
    return Response(generate_latest(metrics_of_app().registry), content_type=CONTENT_TYPE_LATEST)


def _catalog_answers(parts: WebContext) -> bool:
    try:
        parts.catalog.images.counts()
    except Exception:
        logger.exception("the catalogue does not answer")
        return False
    return True
