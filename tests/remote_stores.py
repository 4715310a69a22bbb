"""Stand-ins for places of photos beyond this machine: S3 by moto, and a web server. They prove that the API is used as
it is meant, and nothing about speed or durability."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from unittest.mock import patch

ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}


@dataclass
class Bucket:
    """A bucket of the stand-in.

    Attributes
    ----------
    name : str
    client : botocore client
    url : str
        Of the server.
    """

    name: str
    client: Any
    url: str

    @property
    def uri(self) -> str:
        return f"s3://{self.name}"

    def put(self, key: str, content: bytes) -> None:
        self.client.put_object(Bucket=self.name, Key=key, Body=content)

    def delete(self, key: str) -> None:
        self.client.delete_object(Bucket=self.name, Key=key)

    def drop(self) -> None:
        """Delete the bucket with all that is in it."""
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.name)
        for each in [each for page in pages for each in page.get("Contents", [])]:
            self.delete(each["Key"])
        self.client.delete_bucket(Bucket=self.name)


@contextmanager
def running_s3() -> Iterator[str]:
    """Moto's server; its address."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    try:
        yield f"http://{host}:{port}"
    finally:
        server.stop()


@contextmanager
def new_bucket(url: str, name: str) -> Iterator[Bucket]:
    """A new bucket, with an environment by which libraries find it."""
    import botocore.session

    with patch.dict("os.environ", {**ENVIRONMENT, "AWS_ENDPOINT_URL": url}):
        client = botocore.session.Session().create_client("s3")
        client.create_bucket(Bucket=name)
        yield Bucket(name, client, url)


@dataclass
class WebFiles:
    """A web server.

    Attributes
    ----------
    files : dict of str to bytes
        By path.
    statuses : dict of str to int
        Of paths that are answered by an error.
    cut : set of str
        Paths whose answers end in the middle.
    has_tags : bool
        Whether answers have entity tags.
    requests : list of (str, str)
        Method and path of each request.
    """

    files: dict[str, bytes] = field(default_factory=dict)
    statuses: dict[str, int] = field(default_factory=dict)
    cut: set[str] = field(default_factory=set)
    has_tags: bool = True
    requests: list[tuple[str, str]] = field(default_factory=list)
    url: str = ""

    def methods(self, path: str) -> list[str]:
        return [method for method, asked in self.requests if asked == path]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def __init__(self, files: WebFiles, *arguments: Any) -> None:
        self._files = files
        super().__init__(*arguments)

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def log_message(self, *arguments: Any) -> None:
        pass

    def _answer(self, *, with_body: bool) -> None:
        files = self._files
        files.requests.append((self.command, self.path))
        status, body = files.statuses.get(self.path, 200), files.files.get(self.path)
        if body is None or status != 200:
            self.send_response(404 if body is None else status)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Last-Modified", "Sat, 28 Nov 2026 12:00:00 GMT")
        if files.has_tags:
            self.send_header("ETag", f'"{hashlib.md5(body).hexdigest()}"')
        self.end_headers()
        if with_body:
            cut = self.path in files.cut
            self.wfile.write(body[: len(body) // 2] if cut else body)
            self.close_connection = cut


@contextmanager
def running_web() -> Iterator[WebFiles]:
    """A web server on this machine."""
    files = WebFiles()
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, files))  # type: ignore[arg-type]
    files.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield files
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
