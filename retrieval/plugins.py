"""Parts that other packages bring, by entry points. Their names are known without importing them.

===================== =============== ======================================================================
group                 what it names   the object, once it is loaded
===================== =============== ======================================================================
segsearch.recipes     recipes         a function of a name that gives a `recipes.specs.RecipeSpec`
segsearch.segmenters  segmenters      a function of a name that gives a `recipes.specs.SegmenterSpec`
segsearch.embedders   embedders       a function of a name that gives a `recipes.specs.EmbedderSpec`
segsearch.indexes     indexes         a function of an `index.backends.IndexConfig` that gives an index
===================== =============== ======================================================================

References
----------
Python Packaging User Guide, "Entry points specification".
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from .errors import PluginError, RetrievalError

RECIPES, SEGMENTERS, EMBEDDERS, INDEXES = (
    f"segsearch.{kind}" for kind in ("recipes", "segmenters", "embedders", "indexes")
)

_KINDS = {RECIPES: "recipe", SEGMENTERS: "segmenter", EMBEDDERS: "embedder", INDEXES: "index"}

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,23}")


@dataclass(frozen=True, slots=True)
class Plugin:
    """A part of another package.

    Attributes
    ----------
    kind, name : str
        What it is, and by which name it is asked for.
    distribution : str
        The package that brings it, with its version.
    entry : EntryPoint
    """

    kind: str
    name: str
    distribution: str
    entry: EntryPoint

    def load(self) -> Any:
        """What the entry point names; imports it.

        Raises
        ------
        PluginError
            It cannot be imported, or is no function.
        """
        try:
            found = self.entry.load()
        except RetrievalError:
            raise
        except Exception as error:  # whatever a module does while it is imported
            raise self.error(f"cannot be imported ({type(error).__name__}: {error})") from error
        if not callable(found):
            raise self.error(f"is {type(found).__name__} {self.entry.value!r}, and has to be a function")
        return found

    def error(self, fault: str) -> PluginError:
        """What to raise where it cannot be used.

        Parameters
        ----------
        fault : str
            Behind its name, such as "cannot be imported".
        """
        return PluginError(
            f"the {self.kind} {self.name!r} of {self.distribution} {fault}: install a version that fits this SegSearch "
            "(docs/plugins.md says what is asked for), or choose another"
        )


@cache
def plugins(group: str) -> tuple[Plugin, ...]:
    """The plug-ins of a group, by name; imports none of them."""
    found = (
        Plugin(_KINDS[group], each.name, f"{each.dist.name} {each.dist.version}" if each.dist else "?", each)
        for each in entry_points(group=group)
    )
    return tuple(sorted(found, key=lambda each: (each.name, each.distribution)))


def plugin(name: str, *groups: str) -> Plugin | None:
    """The plug-in of a name, None if there is none.

    Parameters
    ----------
    name : str
    *groups : str
        Where to look: groups whose names stand in one place.

    Raises
    ------
    PluginError
        Several packages have one of this name.
    """
    found = [each for group in groups for each in plugins(group) if each.name == name and _NAME.fullmatch(name)]
    if len(found) > 1:
        raise PluginError(f"{_several(found)}: uninstall all but one")
    return found[0] if found else None


def names(*groups: str) -> list[str]:
    """Names that can be asked for in some groups."""
    return sorted({each.name for group in groups for each in plugins(group) if _NAME.fullmatch(each.name)})


def fault_of(each: Plugin, built_in: Collection[str], groups: Iterable[str]) -> str | None:
    """Why a plug-in is not the one that its name stands for, None if it is; imports none.

    Parameters
    ----------
    each : Plugin
    built_in : collection of str
        Names of this package, which go before those of others.
    groups : iterable of str
        The groups whose names stand in one place with its own.
    """
    if not _NAME.fullmatch(each.name):
        return (
            f"its name {each.name!r} cannot be asked for: {each.distribution} has to name it by at most 24 small "
            "letters, digits, dots, hyphens and underscores"
        )
    if each.name in built_in:
        return f"SegSearch has its own {each.name!r}, which is used: {each.distribution} has to give it another name"
    same = [other for group in groups for other in plugins(group) if other.name == each.name]
    return f"{_several(same)}: uninstall all but one" if len(same) > 1 else None


def _several(found: Collection[Plugin]) -> str:
    offered = " and ".join(f"{each.distribution} ({each.kind})" for each in found)
    return f"{next(iter(found)).name!r} is brought by {offered}"
