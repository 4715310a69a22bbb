"""Passwords: scrypt with OWASP's parameters, by werkzeug, which Flask includes.

References
----------
OWASP, "Password Storage Cheat Sheet": scrypt with N = 2**15, r = 8, p = 3, 32 MiB a hash.
"""

from __future__ import annotations

import unicodedata

from werkzeug.security import check_password_hash, generate_password_hash

from retrieval.errors import AccountError

LEAST, MOST = 12, 256
_METHOD = "scrypt:32768:8:3"
_DECOY = f"{_METHOD}$of-nobody$" + "0" * 128


def hashed(password: str) -> str:
    """The hash of a password.

    Raises
    ------
    AccountError
        The password is too short or too long.
    """
    if not LEAST <= len(password) <= MOST:
        raise AccountError(f"a password must have {LEAST} to {MOST} characters: several words make a good one")
    return generate_password_hash(_normal(password), _METHOD)


def matches(password: str, kept: str | None) -> bool:
    """Whether a password matches the hash `kept`; takes equally long without one (None)."""
    found = check_password_hash(kept or _DECOY, _normal(password[:MOST]))
    return found and kept is not None


def _normal(password: str) -> str:
    """The password in Unicode normal form, so that it does not depend on the keyboard."""
    return unicodedata.normalize("NFKC", password)
