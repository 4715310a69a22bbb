"""Recipes side by side, with confidence intervals of the gains over the first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .collection import Evaluation
from .metrics import bootstrap_interval, mean_over_classes


def compared(found: Mapping[str, Evaluation]) -> dict[str, dict[str, Any]]:
    """Figures by recipe; from the second on with the gain over the first, by a paired bootstrap over their queries."""
    first, *_ = found
    return {
        name: each.figures() | ({} if name == first else _gain(each, found[first], first))
        for name, each in found.items()
    }


def _gain(found: Evaluation, first: Evaluation, name: str) -> dict[str, Any]:
    mine, theirs = common_queries(found, first)
    if not mine:
        return {}
    return {
        f"photo mAP by click, gain over {name}": mean_over_classes(mine) - mean_over_classes(theirs),
        f"gain over {name}, 95 % interval": list(bootstrap_interval(mine, theirs)),
    }


def common_queries(one: Evaluation, other: Evaluation) -> tuple[dict[str, list[float]], dict[str, list[float]]]:
    """Average precisions by click of the queries that were asked of both, in one order."""
    mine: dict[str, list[float]] = {}
    theirs: dict[str, list[float]] = {}
    for category, clicks in one.clicked.items():
        known = dict(zip(other.clicked.get(category, ()), other.photo_by_click.get(category, ()), strict=True))
        pairs = [
            (value, known[click])
            for click, value in zip(clicks, one.photo_by_click[category], strict=True)
            if click in known
        ]
        if pairs:
            mine[category], theirs[category] = map(list, zip(*pairs, strict=True))
    return mine, theirs
