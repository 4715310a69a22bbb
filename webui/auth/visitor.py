"""Who a request is from, and what that visitor may do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from retrieval.catalog.accounts import ROLES, Role


@dataclass(frozen=True, slots=True)
class Visitor:
    """The visitor of a request.

    Attributes
    ----------
    name : str or None
        None without sign-in.
    role : Role
        In the collection that the request is for, or in the installation.
    by : str
        How the visitor was identified: an open installation, a session, or a token.
    language : str or None
        What the user has chosen for pages.
    is_admin : bool
        Whether this is an admin of the installation.
    owns : bool
        Whether the collection that the request is for is this visitor's; of the installation, whether its exports,
        recipes and health are for this visitor.
    """

    name: str | None
    role: Role
    by: Literal["nothing", "session", "token"]
    language: str | None = None
    is_admin: bool = False
    owns: bool = False

    def may(self, role: Role) -> bool:
        """Whether this visitor has that role or a higher one."""
        return ROLES.index(self.role) >= ROLES.index(role)

    @property
    def may_edit(self) -> bool:
        """Whether this visitor may change the library."""
        return self.may("editor")

    @property
    def may_operate(self) -> bool:
        """Whether this visitor may see the health of the installation and change what it runs."""
        return self.name is None or self.is_admin


ANYBODY = Visitor(None, "editor", "nothing", owns=True)
"""A visitor of an installation without users. Only the command line can make the first user."""
