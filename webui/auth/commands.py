"""``users`` and ``tokens``: who may sign in, and the tokens of their programs."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from retrieval.processes.program import PROGRAM
from retrieval.processes.terminal import echo
from retrieval.query.request import MAX_ID
from retrieval.settings import Settings

if TYPE_CHECKING:
    from retrieval.catalog import Accounts

ROLES = ("viewer", "editor", "admin")
ROLE = click.Choice(ROLES)
HEADER = "Viewers look and search; editors change what is in the library, too; admins also say who may."


@click.group(epilog=HEADER)
def users() -> None:
    """Who may sign in. As soon as there is a user, everybody has to."""


@users.command("add")
@click.argument("name")
@click.option("--role", type=ROLE, default="viewer", show_default=True)
@click.pass_obj
def add_user(settings: Settings, name: str, role: str) -> None:
    """Let somebody sign in. The password is asked for, or read from standard input."""
    from . import passwords

    accounts = _accounts(settings)
    is_first = not accounts.any()
    accounts.add(name, role, passwords.hashed(_password()))  # type: ignore[arg-type]  # click checked it
    echo(f"{name} may sign in, as {role}")
    if is_first:
        echo("This is the first user: from now on everybody has to sign in, or send an API token.")


@users.command("list")
@click.pass_obj
def list_users(settings: Settings) -> None:
    """All users."""
    for user in _accounts(settings).all():
        echo(user.name, user.role, f"since {user.created_at:%Y-%m-%d}")


@users.command("remove")
@click.argument("name")
@click.option("--last", is_flag=True, help="Also if nobody is left who can sign in.")
@click.pass_obj
def remove_user(settings: Settings, name: str, last: bool) -> None:
    """Remove a user; sessions and tokens end at once. The only admin stays while there are others."""
    accounts = _accounts(settings)
    accounts.remove(name, last=last)
    echo(f"{name} is removed")
    if not accounts.any():
        echo(
            f"That was the last user, and nobody can sign in now. `{PROGRAM} users add NAME --role admin` makes an "
            f"admin; `{PROGRAM} serve --no-login` goes on without users."
        )


@users.command("set-password")
@click.argument("name")
@click.pass_obj
def set_password(settings: Settings, name: str) -> None:
    """Give a user another password, which ends all sessions; it is asked for, or read from standard input."""
    from . import passwords

    _accounts(settings).change(name, password_hash=passwords.hashed(_password()))
    echo(f"{name} has another password; tokens stay valid (`{PROGRAM} tokens list`)")


@users.command("set-role")
@click.argument("name")
@click.argument("role", type=ROLE)
@click.pass_obj
def set_role(settings: Settings, name: str, role: str) -> None:
    """Let a user do more or less."""
    _accounts(settings).change(name, role=role)  # type: ignore[arg-type]  # click checked it
    echo(f"{name} is {role}")


@click.group()
def tokens() -> None:
    """API tokens of users' programs: each may what its user may."""


@tokens.command("add")
@click.argument("user")
@click.argument("name")
@click.pass_obj
def add_token(settings: Settings, user: str, name: str) -> None:
    """Make a token for a program of a user, and show it, once."""
    record, secret = _accounts(settings).add_token(user, name)
    echo(f"token {record.id} of {record.user}; send it as `Authorization: Bearer …`. It is not shown again:", err=True)
    echo(secret)


@tokens.command("list")
@click.pass_obj
def list_tokens(settings: Settings) -> None:
    """All tokens, without what is secret about them."""
    for token in _accounts(settings).tokens():
        echo(token.id, token.user, token.name, f"since {token.created_at:%Y-%m-%d}")


@tokens.command("revoke")
@click.argument("token_id", type=click.IntRange(0, MAX_ID), metavar="ID")
@click.pass_obj
def revoke_token(settings: Settings, token_id: int) -> None:
    """Make a token worthless, at once."""
    _accounts(settings).revoke(token_id)
    echo(f"token {token_id} is revoked")


def _accounts(settings: Settings) -> Accounts:
    from retrieval.assembly import Assembly

    return Assembly(settings).accounts


def _password() -> str:
    """From the terminal, unseen and twice, or the first line of standard input; never an argument, which others see."""
    if sys.stdin.isatty():
        return str(click.prompt("Password", hide_input=True, confirmation_prompt=True))
    return sys.stdin.readline().rstrip("\r\n")
