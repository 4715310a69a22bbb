"""What is known of the models of each recipe and embedder without loading them: licence, access, size, and figures.

Parameters are those that are loaded: SAM 2's memory of videos and SAM 3's tracker are not.
"""

from __future__ import annotations

from dataclasses import dataclass

NOT_STATED = "not stated"
NOT_MEASURED = "not measured"
OF_THE_MODEL = "the model's own"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFacts:
    """Facts of one recipe or embedder.

    Attributes
    ----------
    licence : str
        Of the weights.
    is_gated : bool or None
        Whether the weights are given to those only who accept a licence on the model's page; None if it is the user
        who names the model.
    parameters : float or None
        In millions, of the model where none is named; None where the user names it.
    measured : str
        Where its figures are: a page of the documentation, or `NOT_MEASURED`.
    stored : float or None
        Megabytes of the files, where they are not float32.
    """

    licence: str = NOT_STATED
    is_gated: bool | None = False
    parameters: float | None = None
    measured: str = NOT_MEASURED
    stored: float | None = None

    @property
    def megabytes(self) -> float | None:
        """Size of the weights' files; None if it is not known."""
        return self.stored if self.stored is not None or self.parameters is None else 4 * self.parameters


_OWN = "Apache-2.0; the backbone's is not stated by its package"
_APACHE = "Apache-2.0, by the model's page"
_CHOSEN = ModelFacts(licence=OF_THE_MODEL, is_gated=None)

RECIPES = {
    "lite": ModelFacts(licence=_OWN, parameters=8.1, stored=28.8, measured="docs/benchmarks.md"),
    "lite-crops": ModelFacts(licence=_OWN, parameters=8.8, stored=30.1, measured="docs/benchmarks.md"),
    "lite-unlearned": ModelFacts(licence=_OWN, parameters=8.0, stored=28.5, measured="docs/benchmarks.md"),
    "grid": ModelFacts(licence="none needed", parameters=0.0),
    "psp": ModelFacts(licence=_OWN, parameters=9.4, stored=31.3, measured="docs/models/psp.md"),
    "maskrcnn": ModelFacts(parameters=44.4),
    "maskrcnn-v2": ModelFacts(parameters=46.4),
    "fcn-resnet50": ModelFacts(parameters=35.3),
    "fcn-resnet101": ModelFacts(parameters=54.3),
    "deeplabv3-resnet50": ModelFacts(parameters=42.0),
    "deeplabv3-resnet101": ModelFacts(parameters=61.0),
    "deeplabv3-mobilenet": ModelFacts(parameters=11.0),
    "lraspp": ModelFacts(parameters=3.2),
    "sam": ModelFacts(licence=_APACHE, parameters=93.7),
    "sam2": ModelFacts(licence=_APACHE, parameters=31.4),
    "sam3": ModelFacts(licence="SAM License", is_gated=True, parameters=840),
    "semantic": _CHOSEN,
    "instance": _CHOSEN,
}
"""By name; those that end in ``-crf`` have the weights of those without."""

EMBEDDERS = {
    "timm": _CHOSEN,
    "dinov2": ModelFacts(licence=_APACHE, parameters=22.1),
    "siglip2": ModelFacts(licence=_APACHE, parameters=375),
    "clip": ModelFacts(licence="MIT, by its repository", parameters=151),
    "tipsv2": ModelFacts(licence="Apache-2.0, by its repository", parameters=196),
}
"""By family."""


def facts_of(name: str) -> ModelFacts:
    """The facts of a recipe, or of an embedder behind a plus sign; of a model that is named, little is known.

    Parameters
    ----------
    name : str
        ``lite``, ``sam:OWNER/MODEL``, ``+dinov2`` …
    """
    name = name.partition("+projection:")[0]
    known = EMBEDDERS if name.startswith("+") else RECIPES
    family, colon, _ = name.removeprefix("+").removesuffix("-crf").partition(":")
    return _CHOSEN if colon or family not in known else known[family]
