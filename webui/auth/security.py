"""Protection against other sites' pages, and security headers. Permissions are in `login.py`.

Three checks protect against another site's page in the same browser:

- the ``Host`` of every request must be one of this server's, so that no other name can be pointed at its address
  (DNS rebinding);
- a request that changes something must come from this server's own pages, if it comes from a page at all (``Origin``,
  ``Sec-Fetch-Site``). With a session, or to start one, it must have such a header. With an API token it need not: a
  browser does not add the token by itself, and asks before it lets another site's page do so;
- requests that another site's page embeds (pictures, frames) are refused, so that it cannot cause work here.

References
----------
OWASP, "Cross-Site Request Forgery Prevention Cheat Sheet": Fetch Metadata, and verifying origin with standard headers.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Collection
from dataclasses import dataclass
from urllib.parse import urlsplit

from flask import Flask, Response, request
from werkzeug.exceptions import BadRequest, Forbidden

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
SESSION_COOKIE = "segsearch_session"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; object-src 'none'; "
        "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


@dataclass(frozen=True, slots=True)
class HostRule:
    """The hosts that a request may be addressed to.

    Attributes
    ----------
    names : frozenset of str
        Names and addresses in lower case, without brackets.
    any_address : bool
        Whether every IP address is allowed, because the server listens on all of them. Addresses cannot be rebound.
    """

    names: frozenset[str]
    any_address: bool

    @classmethod
    def of(cls, hosts: Collection[str]) -> HostRule:
        """The rule for a server that listens on `hosts`; loopback is always allowed."""
        told = {host.strip("[]").lower() for host in hosts}
        every = any(_is_wildcard(host) for host in told)
        own = {socket.gethostname().lower(), f"{socket.gethostname().lower()}.local"} if every else set()
        return cls(LOOPBACK | told | own, every)

    def allows(self, host: str | None) -> bool:
        """Whether a ``Host`` header, with or without port, is one of the server's."""
        name = _name(host or "")
        return name in self.names or (self.any_address and _address(name) is not None)


def protect(app: Flask, hosts: Collection[str]) -> None:
    """Check every request to `app`, and add security headers to every response."""
    rule = HostRule.of(hosts)

    @app.before_request
    def check() -> None:
        host = request.environ.get("HTTP_HOST")
        if not rule.allows(host):
            raise BadRequest(
                f"this server is not called {(host or '')[:100]!r}: use the address it was started with, or start it "
                "with --host and the address you want to use"
            )
        if _is_embedded():
            raise Forbidden("another site's page may link to this server, but not embed or read what it serves")
        if request.method not in SAFE_METHODS and not _comes_from(str(host)):
            raise Forbidden("this request comes from another site's page: use SegSearch's own pages, or a program")

    @app.after_request
    def confine(response: Response) -> Response:
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        return response


def bearer_token() -> str | None:
    """The API token of a request; None without one.

    `request.authorization` raises ValueError on some headers that are not ASCII.
    """
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


def is_loopback(address: str | None, host: str | None) -> bool:
    """Whether a request comes from this machine under a loopback name; a proxy uses its own name.

    A request without an address comes from the same process or a socket file, not from a network.
    """
    found = _address(address or "127.0.0.1")
    return found is not None and found.is_loopback and _name(host or "") in LOOPBACK


def is_beyond_loopback(hosts: Collection[str]) -> bool:
    """Whether a server with these names and addresses can be reached from other machines."""
    return not {host.strip("[]").lower() for host in hosts} <= LOOPBACK


def _is_embedded() -> bool:
    """Whether another site's page fetches a resource, such as a picture, without a user following a link."""
    mode = request.headers.get("Sec-Fetch-Mode", "navigate")
    return request.headers.get("Sec-Fetch-Site") in ("cross-site", "same-site") and (
        mode != "navigate" or request.headers.get("Sec-Fetch-Dest") not in (None, "document")
    )


def _comes_from(host: str) -> bool:
    """Whether a request was made by a page of `host`, or by no page."""
    if bearer_token() is not None:
        return True
    must_say = SESSION_COOKIE in request.cookies or request.blueprint == "login"
    if must_say and "Sec-Fetch-Site" not in request.headers and "Origin" not in request.headers:
        return False
    if request.headers.get("Sec-Fetch-Site", "none") not in ("same-origin", "none"):
        return False
    origin = request.headers.get("Origin")
    if origin is None:
        return True
    try:
        parts = urlsplit(origin)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and parts.netloc.lower() == host.lower()


def _name(host: str) -> str:
    """A ``Host`` header without its port; empty if it is none."""
    try:
        parts = urlsplit(f"//{host}")
        parts.port  # noqa: B018  # raises if it is not a number
    except ValueError:
        return ""
    return (parts.hostname or "").removesuffix(".") if parts.netloc == host and "@" not in host else ""


def _address(name: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(name)
    except ValueError:
        return None


def _is_wildcard(host: str) -> bool:
    address = _address(host)
    return host in ("", "*") or (address is not None and address.is_unspecified)
