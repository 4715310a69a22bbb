"""From a call to its answer: signing in, retries, and errors, as steps that do no input or output themselves.

`Exchange.steps` yields what is to be done, `Send` or `Pause`, and is sent what came of it. The connections do it.

References
----------
Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015: full jitter.
"The Idempotency-Key HTTP Header Field", IETF draft.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Generator
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import TypeVar
from urllib.parse import urlsplit
from uuid import uuid4

import httpx

from .calls import Call, SentFile
from .errors import ClientError, ConnectionFailedError, SignInError, UnexpectedAnswerError, answer_error

T = TypeVar("T")

API = "/api/v1"
PROBLEM = "application/problem+json"


@dataclass(frozen=True, slots=True)
class Retries:
    """When a request that failed is sent again.

    Connection errors and the statuses 429 and 503 are retried, and a 409 that says when to try again. A write has an
    `Idempotency-Key`, so that it is done once.

    Attributes
    ----------
    attempts : int
        At most so many in all.
    base, most : float
        The pause before attempt n + 1 is drawn from 0 to ``base * 2**(n - 1)`` seconds, but at most `most`. What the
        server says in ``Retry-After`` is waited in addition.
    patience : float
        A server that wants to be left alone for more seconds than this is not asked again.
    """

    attempts: int = 6
    base: float = 0.5
    most: float = 20.0
    patience: float = 120.0

    def pause(self, attempt: int, outcome: Reply | httpx.TransportError) -> float | None:
        """Seconds until the next attempt; None if there is to be none.

        Parameters
        ----------
        attempt : int
            How many there have been.
        outcome : Reply or TransportError
        """
        if attempt >= self.attempts or isinstance(outcome, httpx.UnsupportedProtocol | httpx.LocalProtocolError):
            return None
        told = 0.0
        if isinstance(outcome, Reply):
            told = outcome.retry_after()
            if outcome.status not in (429, 503) and not (outcome.status == 409 and told):
                return None
        drawn = random.uniform(0, min(self.most, self.base * 2 ** (attempt - 1)))
        return told + drawn if told <= self.patience else None


@dataclass(frozen=True, slots=True)
class Send:
    """Send a request; a `Reply` or the error of the transport comes back.

    Attributes
    ----------
    method, url : str
    headers, parameters : dict
    json : bytes, optional
        The body.
    form : dict, optional
    file : SentFile, optional
    streams : bool
        Whether a good answer is to be written away while it comes.
    """

    method: str
    url: str
    headers: dict[str, str] = field(default_factory=dict)
    parameters: dict[str, str] = field(default_factory=dict)
    json: bytes | None = None
    form: dict[str, str] | None = None
    file: SentFile | None = None
    streams: bool = False


@dataclass(frozen=True, slots=True)
class Pause:
    """Wait for some seconds; nothing comes back."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer.

    Attributes
    ----------
    status : int
    headers : Headers
    content : bytes
        Empty if it was written away.
    """

    status: int
    headers: httpx.Headers
    content: bytes

    def retry_after(self) -> float:
        """Seconds that the server wants to be left alone; 0 if it does not say."""
        told = self.headers.get("Retry-After", "").strip()
        if told.isdigit():
            return float(told)
        try:
            return max(0.0, parsedate_to_datetime(told).timestamp() - time.time())
        except ValueError:
            return 0.0

    def detail(self) -> str | None:
        """What a problem document says; None if it is none."""
        if self.headers.get("Content-Type", "").partition(";")[0].strip() != PROBLEM:
            return None
        try:
            found = json.loads(self.content)
        except ValueError:
            return None
        return str(found.get("detail") or found.get("title")) if isinstance(found, dict) else None


Step = Send | Pause
Outcome = Reply | httpx.TransportError | None


class Exchange:
    """Makes requests of calls, and values of answers, for one server and one user.

    Parameters
    ----------
    url : str
        Of the server, such as ``http://127.0.0.1:8000``.
    token : str, optional
        An API token.
    user, password : str, optional
        Instead of a token: a session is begun with them, and again when it has ended.
    retries : Retries

    Raises
    ------
    ValueError
        The address or the way to sign in is not complete.
    """

    def __init__(
        self, url: str, *, token: str | None, user: str | None, password: str | None, retries: Retries
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.port == 0:
            raise ValueError(f"{url!r} is not the address of a server: give one such as http://127.0.0.1:8000")
        if (user is None) != (password is None) or (token is not None and user is not None):
            raise ValueError("give a token, or a user with a password, or neither")
        if token is not None and not (token.isascii() and token.isprintable() and token.strip()):
            raise ValueError("the token has characters that no token has: copy it again")
        self.url = url.rstrip("/")
        self._origin = f"{parts.scheme}://{parts.netloc}"
        self._token = token
        self._credentials = None if user is None or password is None else {"name": user, "password": password}
        self._signed_in = False
        self._retries = retries

    def steps(self, call: Call[T], *, streams: bool = False) -> Generator[Step, Outcome, tuple[T, bytes]]:
        """What is to be done for a call.

        Parameters
        ----------
        call : Call
        streams : bool
            Whether the answer is to be written away while it comes.

        Yields
        ------
        Send or Pause

        Returns
        -------
        (value, bytes)
            The answer as a value and as it came.

        Raises
        ------
        ClientError
        """
        send = self._request(call, streams=streams)
        if self._credentials and not self._signed_in:
            yield from self._sign_in()
        reply = yield from self._attempts(send)
        if reply.status == 401 and self._credentials:  # the session has ended
            yield from self._sign_in()
            reply = yield from self._attempts(send)
        if not 200 <= reply.status < 300:
            raise self._error(reply, call)
        return call.parse(reply.content, reply.status), reply.content

    def _request(self, call: Call[T], *, streams: bool) -> Send:
        headers = {"Accept": "*/*", "Origin": self._origin}
        if self._token is not None:
            headers["Authorization"] = f"Bearer {self._token}"
        if call.writes:
            headers["Idempotency-Key"] = str(uuid4())
        body = None if call.body is None else json.dumps(call.body).encode()
        if body is not None:
            headers["Content-Type"] = "application/json"
        return Send(
            call.method,
            f"{self.url}{API}{call.target()}",
            headers,
            call.parameters(),
            json=body,
            form=None if call.form is None else dict(call.form),
            file=call.file,
            streams=streams,
        )

    def _attempts(self, send: Send) -> Generator[Step, Outcome, Reply]:
        """Send a request until there is an answer that counts."""
        attempt = 0
        while True:
            outcome = yield send
            attempt += 1
            if outcome is None:
                raise TypeError("nothing came of a request")
            pause = self._retries.pause(attempt, outcome)
            if pause is not None:
                yield Pause(pause)
            elif isinstance(outcome, Reply):
                return outcome
            else:
                raise ConnectionFailedError(
                    f"no answer from {self.url} ({outcome or type(outcome).__name__}), tried {attempt} times: check "
                    "the address, and that the server is running"
                ) from outcome

    def _sign_in(self) -> Generator[Step, Outcome, None]:
        reply = yield from self._attempts(
            Send("POST", f"{self.url}/login", {"Origin": self._origin}, form=self._credentials)
        )
        if reply.status == 401:
            raise SignInError(401, "the user's name or the password is wrong")
        if reply.status != 303:
            raise self._error(reply, None)
        self._signed_in = True

    def _error(self, reply: Reply, call: Call[T] | None) -> ClientError:
        detail = reply.detail()
        if detail is not None:
            return answer_error(reply.status, detail)
        asked = "signing in" if call is None else f"{call.method} {call.route}"
        return UnexpectedAnswerError(
            f"{self.url} answered {asked} with status {reply.status}, and not as SegSearch does: check the address, "
            "and whatever is in front of the server"
        )
