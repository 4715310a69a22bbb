"""Rate limits, so that one client cannot take the server from the others.

API tokens and programs on this machine are exempt: they may do as much as the machine can. Web servers count together
on a Redis server, if one is named. Otherwise each counts for itself, except that attempts to sign in are counted in the
database where that is on a server.
"""

from __future__ import annotations

import ipaddress
import logging
import math
import time
from dataclasses import dataclass

from flask import Flask, current_app, g, request
from limits import RateLimitItem, parse
from limits.errors import ConfigurationError as LimitsConfigurationError
from limits.errors import StorageError
from limits.storage import MemoryStorage, RedisStorage
from limits.strategies import FixedWindowRateLimiter, MovingWindowRateLimiter, RateLimiter
from werkzeug.exceptions import TooManyRequests

from retrieval.catalog import Shared
from retrieval.errors import ConfigurationError, RetrievalError

from .security import is_loopback
from .shared_counts import DatabaseStorage

logger = logging.getLogger(__name__)

LIMITER = "segsearch-limiter"

RATES = {
    "api_images.add_image": parse("600/minute"),  # a folder may be dropped on the page
    "api_queries.add_query": parse("60/minute"),  # each takes a pass of the network
    "api_segmentation.preview_segmentation": parse("30/minute"),  # each may load a network
    "api_segmentation.take_segmentation": parse("30/minute"),
    "api_queries.keep_query": parse("60/minute"),  # each may take the place of another
    "api_search.find": parse("300/minute"),
    "api_batch.find_many": parse("30/minute"),  # each may be a hundred searches
    "api_batch.get_segments": parse("120/minute"),
    "api_search.count_facets": parse("300/minute"),
    "api_search.select_segment": parse("300/minute"),
    "api_search.list_levels": parse("600/minute"),  # as a pointer moves over a photo
    "api_search.list_query_levels": parse("600/minute"),
    "api_feedback.begin_feedback": parse("120/minute"),
    "api_feedback.get_feedback": parse("300/minute"),
    "api_feedback.add_round": parse("120/minute"),
    "api_feedback.take_back": parse("120/minute"),
    "api_concepts.learn_concepts": parse("20/minute"),
    "api_concepts.import_concepts": parse("20/minute"),
    "api_timeline.count_photos": parse("120/minute"),  # each counts all segments
    "api_concepts.list_folders": parse("60/minute"),  # each checks all locations of a photo
    "api_clusters.update_clusters": parse("120/minute"),
    "api_clusters.merge_clusters": parse("120/minute"),
    "api_clusters.split_cluster": parse("120/minute"),
    "api_collections.add_collection": parse("20/minute"),
    "api_collections.list_collections": parse("60/minute"),  # each opens the catalogues of all of them
    "collections.index": parse("60/minute"),
}
"""By endpoint, for each user, or for each address without sign-in."""

SIGN_INS = parse("10/minute"), parse("60/hour")
"""Sign-in attempts from one address. They are not limited per user: that would let anyone lock out anyone."""


@dataclass(frozen=True, eq=False, slots=True)
class Limiters:
    """What counts: attempts to sign in, all other requests, and either if the former cannot be reached."""

    sign_ins: RateLimiter
    requests: RateLimiter
    spare: RateLimiter

    @classmethod
    def of(cls, url: str, shared: Shared) -> Limiters:
        """Counts on a Redis server, if its URL is given; see the module for where else.

        Raises
        ------
        ConfigurationError
            The URL is wrong, or the package for it is missing.
        """
        alone = MovingWindowRateLimiter(MemoryStorage())
        if url:
            together = MovingWindowRateLimiter(_redis(url))
            return cls(together, together, alone)
        if shared.is_on_server:
            return cls(FixedWindowRateLimiter(DatabaseStorage(shared.request_counts)), alone, alone)
        return cls(alone, alone, alone)


def limit(app: Flask, url: str, shared: Shared) -> None:
    """Count requests to the endpoints in `RATES`; attach it after the visitor is identified."""
    app.extensions[LIMITER] = Limiters.of(url, shared)

    @app.before_request
    def count_request() -> None:
        count(request.endpoint or "")


def count(endpoint: str) -> None:
    """Count a request to an endpoint, or one that does the same.

    Raises
    ------
    TooManyRequests
        The limit is exceeded; the error says when to try again.
    """
    rate = RATES.get(endpoint)
    if rate is not None and not _is_left_alone():
        spend(rate, endpoint, g.visitor.name or client())


def spend(rate: RateLimitItem, *key: str) -> None:
    """Count one more request.

    Raises
    ------
    TooManyRequests
        The limit is exceeded; the error says when to try again.
    """
    limiters: Limiters = current_app.extensions[LIMITER]
    limiter = limiters.sign_ins if rate in SIGN_INS else limiters.requests
    try:
        is_within = limiter.hit(rate, *key)
    except (StorageError, RetrievalError) as error:
        logger.warning("requests are counted in this process alone: %s", error)
        limiter = limiters.spare
        is_within = limiter.hit(rate, *key)
    if not is_within:
        wait = max(1, math.ceil(limiter.get_window_stats(rate, *key).reset_time - time.time()))
        raise TooManyRequests(f"too many requests ({rate}): try again in {wait} s", retry_after=wait)


def _redis(url: str) -> RedisStorage:
    try:
        return RedisStorage(url, wrap_exceptions=True)
    except (LimitsConfigurationError, ValueError) as error:
        raise ConfigurationError(
            f"SEGSEARCH_LIMITS_URL cannot be used ({error}): write redis://HOST:6379, and install the extra `redis`"
        ) from error


def client() -> str:
    """The client's address; for IPv6 its network, because one customer has all addresses in it."""
    try:
        address = ipaddress.ip_address(request.remote_addr or "")
    except ValueError:
        return "unknown"
    if isinstance(address, ipaddress.IPv6Address):
        return str(address.ipv4_mapped or ipaddress.ip_network((address, 64), strict=False))
    return str(address)


def _is_left_alone() -> bool:
    return g.visitor.by == "token" or is_loopback(request.remote_addr, request.environ.get("HTTP_HOST"))
