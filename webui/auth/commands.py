"""``users`` and ``tokens``: who may sign in, and API tokens for programs."""

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

ROLE = click.Choice(("viewer", "editor", "admin"))  # those of `catalog.accounts`, without loading SQLAlchemy for a list
HEADER = "Viewers can look and search; editors can also change the library; admins can also manage users."


@click.group(epilog=HEADER)
def users() -> None:
    """Manage who may sign in. Once there is a user, everyone must sign in."""


@users.command("add")
@click.argument("name")
@click.option("--role", type=ROLE, default="viewer", show_default=True, help="What the user may do.")
@click.pass_obj
def add_user(settings: Settings, name: str, role: str) -> None:
    """Add a user. Prompts for the password, or reads it from standard input."""
    from . import passwords

    accounts = _accounts(settings)
    is_first = not accounts.any()
    accounts.add(name, role, passwords.hashed(_password()))  # type: ignore[arg-type]  # click checked it
    echo(f"{name} can now sign in as {role}")
    if is_first:
        echo("This is the first user: from now on everyone must sign in or send an API token.")


@users.command("list")
@click.pass_obj
def list_users(settings: Settings) -> None:
    """List all users."""
    for user in _accounts(settings).all():
        echo(user.name, user.role, f"since {user.created_at:%Y-%m-%d}")


@users.command("remove")
@click.argument("name")
@click.option("--last", is_flag=True, help="Even if nobody can sign in afterwards.")
@click.pass_obj
def remove_user(settings: Settings, name: str, last: bool) -> None:
    """Remove a user, with all sessions and tokens. The only admin cannot be removed while there are other users."""
    accounts = _accounts(settings)
    accounts.remove(name, last=last)
    echo(f"removed {name}")
    if not accounts.any():
        echo(
            f"That was the last user, and nobody can sign in now. Create an admin with "
            f"`{PROGRAM} users add NAME --role admin`, or work without users: `{PROGRAM} serve --no-login`."
        )


@users.command("set-password")
@click.argument("name")
@click.pass_obj
def set_password(settings: Settings, name: str) -> None:
    """Change a user's password and end all sessions. Prompts for it, or reads it from standard input."""
    from . import passwords

    _accounts(settings).change(name, password_hash=passwords.hashed(_password()))
    echo(f"changed the password of {name}; API tokens stay valid (`{PROGRAM} tokens list`)")


@users.command("set-role")
@click.argument("name")
@click.argument("role", type=ROLE)
@click.pass_obj
def set_role(settings: Settings, name: str, role: str) -> None:
    """Change a user's role."""
    _accounts(settings).change(name, role=role)  # type: ignore[arg-type]  # click checked it
    echo(f"{name} is now {role}")


@click.group()
def tokens() -> None:
    """Manage API tokens. A token has the role of its user."""


@tokens.command("add")
@click.argument("user")
@click.argument("name")
@click.pass_obj
def add_token(settings: Settings, user: str, name: str) -> None:
    """Create a token called NAME for USER, and print it once."""
    record, secret = _accounts(settings).add_token(user, name)
    echo(f"token {record.id} of {record.user}; send it as `Authorization: Bearer …`. It is not shown again:", err=True)
    echo(secret)


@tokens.command("list")
@click.pass_obj
def list_tokens(settings: Settings) -> None:
    """List all tokens, without their secrets."""
    for token in _accounts(settings).tokens():
        echo(token.id, token.user, token.name, f"since {token.created_at:%Y-%m-%d}")


@tokens.command("revoke")
@click.argument("token_id", type=click.IntRange(0, MAX_ID), metavar="ID")
@click.pass_obj
def revoke_token(settings: Settings, token_id: int) -> None:
    """Revoke a token. It stops working at once."""
    _accounts(settings).revoke(token_id)
    echo(f"revoked token {token_id}")


def _accounts(settings: Settings) -> Accounts:
    from retrieval.assembly import Assembly

    return Assembly(settings).accounts


def _password() -> str:
    """Ask twice on the terminal without echo, or read a line of standard input; arguments are visible to others."""
    if sys.stdin.isatty():
        return str(click.prompt("Password", hide_input=True, confirmation_prompt=True))
    return sys.stdin.readline().rstrip("\r\n")
