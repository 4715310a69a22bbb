"""``manage.py users`` and ``tokens``, and when ``serve`` lets other machines in."""

from __future__ import annotations

import gc
import stat
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from manage import cli
from retrieval.assembly import Assembly
from retrieval.catalog import Accounts
from retrieval.catalog.accounts import ROLES
from retrieval.errors import AccountError, UnknownTokenError, UnknownUserError
from retrieval.settings import Settings
from webui.auth import passwords
from webui.auth.commands import ROLE
from webui.auth.security import is_beyond_loopback
from webui.serving.commands import check_login

PASSWORD = "correct horse battery"


def test_the_command_knows_all_roles() -> None:
    assert tuple(ROLE.choices) == ROLES


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A new home."""
    monkeypatch.setenv("SEGSEARCH_DATA_DIR", str(tmp_path))
    monkeypatch.delenv("SEGSEARCH_DATABASE_URL", raising=False)
    return tmp_path


@pytest.fixture
def accounts(home: Path) -> Accounts:
    """What is in its catalogue."""
    return Assembly(Settings.in_data_dir(home)).accounts


def run(*arguments: str, typed: str = "") -> Result:
    return CliRunner().invoke(cli, arguments, input=typed)


def done(*arguments: str, typed: str = "") -> str:
    result = run(*arguments, typed=typed)
    assert result.exit_code == 0, result.output
    return result.output


def test_users_come_change_and_go(accounts: Accounts) -> None:
    assert "from now on everyone must sign in" in done("users", "add", "Anna", "--role", "admin", typed=PASSWORD + "\n")
    assert "from now on" not in done("users", "add", "ben", typed="another password")
    assert [line.split("\t")[:2] for line in done("users", "list").splitlines()] == [
        ["Anna", "admin"],
        ["ben", "viewer"],
    ]
    anna = accounts.named("anna")
    assert anna is not None
    assert passwords.matches(PASSWORD, anna.password_hash)
    done("users", "set-role", "ben", "editor")
    done("users", "set-password", "ben", typed="a third password\n")
    ben = accounts.named("ben")
    assert ben is not None
    assert ben.role == "editor"
    assert passwords.matches("a third password", ben.password_hash)
    assert "last user" not in done("users", "remove", "ben")
    result = run("users", "remove", "ANNA")
    assert isinstance(result.exception, AccountError)
    gone = done("users", "remove", "ANNA", "--last")
    assert "nobody can sign in now" in gone
    assert "users add NAME --role admin" in gone
    assert not accounts.any()


def test_what_is_wrong_is_said(accounts: Accounts) -> None:
    assert isinstance(run("users", "add", "anna", typed=PASSWORD).exception, AccountError), "the first is an admin"
    done("users", "add", "anna", "--role", "admin", typed=PASSWORD)
    for arguments, typed, error in (
        (("users", "add", "Anna"), PASSWORD, AccountError),
        (("users", "add", "<b>"), PASSWORD, AccountError),
        (("users", "add", "ben"), "short\n", AccountError),
        (("users", "add", "ben"), "", AccountError),
        (("users", "remove", "ben"), "", UnknownUserError),
        (("users", "set-role", "ben", "admin"), "", UnknownUserError),
        (("users", "set-password", "ben"), PASSWORD, UnknownUserError),
        (("tokens", "add", "ben", "script"), "", UnknownUserError),
        (("tokens", "add", "anna", "my script"), "", AccountError),
        (("tokens", "revoke", "7"), "", UnknownTokenError),
    ):
        result = run(*arguments, typed=typed)
        assert isinstance(result.exception, error), arguments
    assert run("users", "add", "ben", "--role", "root").exit_code == 2
    assert run("users", "add", "ben", "--password", PASSWORD).exit_code == 2
    assert len(accounts.all()) == 1


def test_a_new_home_is_the_owners_alone(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEGSEARCH_DATA_DIR", str(home / "new"))
    done("users", "list")
    assert stat.S_IMODE((home / "new").stat().st_mode) == 0o700


def test_tokens_are_shown_once(accounts: Accounts) -> None:
    done("users", "add", "anna", "--role", "admin", typed=PASSWORD)
    result = run("tokens", "add", "anna", "nightly")
    secret = result.stdout.strip()
    user = accounts.by_token(secret)
    assert user is not None
    assert user.name == "anna"
    listed = done("tokens", "list")
    assert listed.split("\t")[:3] == ["1", "anna", "nightly"]
    assert secret not in listed
    done("tokens", "revoke", "1")
    assert accounts.by_token(secret) is None


class TestServing:
    @pytest.mark.parametrize(
        ("hosts", "beyond"),
        [
            (["127.0.0.1"], False),
            (["localhost"], False),
            (["::1"], False),
            (["[::1]"], False),
            (["0.0.0.0"], True),
            (["::"], True),
            (["192.0.2.1"], True),
            (["127.0.0.1", "photos.example"], True),
            ([""], True),
        ],
    )
    def test_what_other_machines_reach(self, hosts: list[str], beyond: bool) -> None:
        assert is_beyond_loopback(hosts) is beyond

    def test_not_without_users(self, home: Path) -> None:
        for arguments in (("--host", "0.0.0.0"), ("--allow-host", "photos.example"), ("--trusted-proxy", "127.0.0.1")):
            result = run("serve", "--port", "0", "--no-worker", *arguments)
            assert result.exit_code == 2
            assert "segsearch users add" in result.output
            assert "--no-login" in result.output
        assert gc.isenabled(), "as before"

    def test_unless_that_is_wanted(self, accounts: Accounts, capsys: pytest.CaptureFixture[str]) -> None:
        check_login(accounts, beyond=True, no_login=True)
        assert "WARNING: everyone who can reach this server can" in capsys.readouterr().err
        check_login(accounts, beyond=False, no_login=False)
        assert capsys.readouterr().err == ""

    def test_with_users(self, accounts: Accounts, capsys: pytest.CaptureFixture[str]) -> None:
        accounts.add("anna", "admin", "x")
        check_login(accounts, beyond=True, no_login=False)
        assert capsys.readouterr().err == ""
        for beyond in (True, False):
            with pytest.raises(click.UsageError, match="leave out --no-login"):
                check_login(accounts, beyond=beyond, no_login=True)

    def test_after_the_last_user(self, accounts: Accounts, capsys: pytest.CaptureFixture[str]) -> None:
        accounts.add("anna", "admin", "x")
        accounts.remove("anna", last=True)
        check_login(accounts, beyond=False, no_login=False)
        assert "nobody can sign in" in capsys.readouterr().err
        with pytest.raises(click.UsageError, match="there are no users"):
            check_login(accounts, beyond=True, no_login=False)
        check_login(accounts, beyond=False, no_login=True)
        assert "WARNING: every user and program on this machine can" in capsys.readouterr().err
