"""The web application: HTML pages and a JSON API over one installation of SegSearch.

Importing this package costs nothing; Flask is loaded when an application is made.
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
    """Make the web application.

    Parameters
    ----------
    assembly : Assembly
        The parts of the installation to serve.
    analyzer : Analyzer
        Segments query photos; in a server the `RemoteAnalyzer`, so that no network is loaded here.
    hosts : collection of str
        Names and addresses under which the server may be addressed besides this machine's loopback ones; a wildcard
        address such as ``0.0.0.0`` stands for every IP address.
    follow : bool
        Whether a thread takes in what changes in the catalogue, once a second.
    login_mode : {"once", "always", "never"}
        From when on everybody has to sign in: once there has been a user; always; or only while there are users.

    Raises
    ------
    RetrievalError
        The catalogue or the index cannot be opened.
    """
    from .application import build

    return build(assembly, analyzer, hosts=hosts, follow=follow, login_mode=login_mode)
