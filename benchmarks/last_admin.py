"""Two admins who remove or demote each other at once, round after round: one of them always stays.

::

    python -m benchmarks.last_admin [--rounds 500] [--seed 0] [--out FILE]

Two web servers with connections of their own serve one home. In each round each admin asks one of them to remove or to
demote the other; by turns a lot decides which. After each round there has to be an admin, and a stranger has to be
refused.
"""

from __future__ import annotations

import json
import random
import tempfile
import threading
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from retrieval.analysis.remote import RemoteAnalyzer
from retrieval.assembly import Assembly
from retrieval.catalog import Accounts
from retrieval.settings import Settings
from webui import create_app
from webui.serving.server import listen

ADMINS = ("anna", "ben")


@contextmanager
def serving(home: Path) -> Iterator[str]:
    """The address of a web server on a home, without an analyzer."""
    assembly = Assembly(Settings.in_data_dir(home, device="cpu", recipe="grid"))
    app = create_app(assembly, RemoteAnalyzer(assembly.settings.analyzers_dir), follow=False)
    listening = listen(app, "127.0.0.1", 0)
    threading.Thread(target=listening.run, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listening.port}/api/v1"
    finally:
        listening.stop()


def ask(method: str, address: str, token: str | None = None, body: object = None) -> int:
    """The status of an answer."""
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
    content = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(address, content, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        error.close()
        return error.code


def make_admins(accounts: Accounts) -> list[str]:
    """Both admins, whatever became of them; returns a token of each."""
    for name in ADMINS:
        if accounts.named(name) is None:
            accounts.add(name, "admin", "no password")
        accounts.change(name, role="admin")
    for token in accounts.tokens():
        accounts.revoke(token.id)
    return [accounts.add_token(name, "round")[1] for name in ADMINS]


def attack_at_once(addresses: tuple[str, str], tokens: list[str], removes: tuple[bool, bool]) -> list[int]:
    """Have each admin remove or demote the other at the same moment; returns the statuses of the answers."""
    together, answers = threading.Barrier(2), [0, 0]

    def attack(number: int) -> None:
        other = f"{addresses[number]}/users/{ADMINS[1 - number]}"
        method, body = ("DELETE", None) if removes[number] else ("PATCH", {"role": "viewer"})
        together.wait(30)
        answers[number] = ask(method, other, tokens[number], body)

    threads = [threading.Thread(target=attack, args=(number,)) for number in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def play(home: Path, rounds: int, seed: int) -> Counter[str]:
    """Let them at each other; returns how often each pair of answers came, and what did not hold.

    Parameters
    ----------
    home : Path
        A home that is not there yet.
    rounds : int
    seed : int
    """
    lot, counted = random.Random(seed), Counter[str]()  # nosec B311  # no secret is drawn
    accounts = Assembly(Settings.in_data_dir(home, device="cpu", recipe="grid")).accounts
    with serving(home) as first, serving(home) as second:
        for _ in range(rounds):
            removes = lot.random() < 0.5, lot.random() < 0.5
            answers = attack_at_once((first, second), make_admins(accounts), removes)
            counted[" and ".join(map(str, sorted(answers)))] += 1
            counted["no admin left"] += not any(user.role == "admin" for user in accounts.all())
            counted["open to strangers"] += ask("GET", f"{first}/images") != 401
    return counted


@click.command()
@click.option("--rounds", default=500, show_default=True, type=click.IntRange(1))
@click.option("--seed", default=0, show_default=True)
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Write what came of it as JSON.")
def main(rounds: int, seed: int, out: Path | None) -> None:
    """Two admins against each other."""
    with tempfile.TemporaryDirectory() as folder:
        counted = play(Path(folder) / "home", rounds, seed)
    text = json.dumps({"rounds": rounds, "seed": seed, **counted}, indent=1)
    click.echo(text)
    if out is not None:
        out.write_text(f"{text}\n", encoding="utf-8")
    if counted["no admin left"] or counted["open to strangers"]:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
