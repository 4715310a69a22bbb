"""The web application: HTML pages and a JSON API over one installation of SegSearch.

Importing this package is cheap; Flask is loaded when an application is created.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask

    from retrieval.analysis.analyzer import Analyzer
    from retrieval.assembly import Assembly

    from .auth.login import LoginMode

__all__ = ["create_app"]


def create_app(
    assembly: Assembly,
    analyzer: Analyzer,
    *,
    hosts: Collection[str] = (),
    follow: bool = True,
    login_mode: LoginMode = "once",
) -> Flask:
    """Create the web application.

    Parameters
    ----------
    assembly : Assembly
        The parts of the installation to serve.
    analyzer : Analyzer
        Segments query photos; a server uses `RemoteAnalyzer`, so that it loads no network.
    hosts : collection of str
        Names and addresses of the server, in addition to this machine's loopback ones; a wildcard address such as
        ``0.0.0.0`` stands for every IP address.
    follow : bool
        Whether a thread applies the catalogue's changes once a second.
    login_mode : {"once", "always", "never"}
        When everyone must sign in: once there has been a user; always; or only while there are users.

    Raises
    ------
    RetrievalError
        The catalogue or the index cannot be opened.
    """
    from .application import build

    return build(assembly, analyzer, hosts=hosts, follow=follow, login_mode=login_mode)
