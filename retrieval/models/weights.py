"""Where the weights of torchvision's and the hub's networks come from.

Without the setting ``SEGSEARCH_WEIGHTS`` they come through the library's own loader, which keeps a cache and checks
what it fetched. With it nothing is fetched: the folder it names holds torchvision's files under their own names, and
the hub's models as folders ``OWNER/MODEL`` with ``config.json``, ``preprocessor_config.json`` and the weights.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from pickle import UnpicklingError
from typing import TYPE_CHECKING, Any

from safetensors import SafetensorError

from ..errors import ConfigurationError, WeightsCorruptError, WeightsMissingError
from .fingerprint import digest_of_file

if TYPE_CHECKING:
    from torch import nn

VARIABLE = "SEGSEARCH_WEIGHTS"
_BROKEN = (
    OSError, RuntimeError, ValueError, TypeError, EOFError, AttributeError, KeyError, UnpicklingError, SafetensorError,
)  # fmt: skip
_MODEL = re.compile(r"(?P<name>\w[\w.-]*(?:/\w[\w.-]*)?)(?:@(?P<revision>\w[\w.-]*))?")
_FILES = ("*.safetensors", "*.bin", "*.json")


def weights_folder() -> Path | None:
    """The folder of ``SEGSEARCH_WEIGHTS``, absolute; None where it is not set. Read here and nowhere else."""
    named = os.environ.get(VARIABLE)
    return Path(named).expanduser().absolute() if named else None


def fill_from_torchvision(network: nn.Module, file_name: str, source: Any) -> None:
    """Fill a network of torchvision's with the weights of a file.

    Parameters
    ----------
    network : Module
    file_name : str
        ``NAME-HASH.pth``, where the hash is the beginning of the file's SHA-256.
    source : WeightsEnum
        Whose loader is used where there is no folder of weights.

    Raises
    ------
    WeightsMissingError
        Naming the file, the place it is looked for and the address it comes from.
    WeightsCorruptError
        It has another hash, or is not of this network.
    """
    folder = weights_folder()
    state = _fetch(file_name, source) if folder is None else _read(folder / file_name, source.url)
    try:
        network.load_state_dict(state)
    except (RuntimeError, TypeError, AttributeError) as error:
        raise WeightsCorruptError(
            f"{file_name} does not hold {type(network).__name__} as torchvision builds it: download it again"
        ) from error


def torchvision_place(file_name: str) -> Path:
    """Where a file of torchvision's is looked for: in the folder of weights, or in torch's cache; loads no torch."""
    folder = weights_folder()
    if folder is None:
        cache = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
        folder = Path(os.environ.get("TORCH_HOME") or f"{cache}/torch").expanduser() / "hub" / "checkpoints"
    return folder / file_name


def _read(path: Path, url: str) -> Any:
    import torch

    if not path.is_file():
        raise WeightsMissingError(f"{path} is missing: place there the file from {url}")
    expected = path.stem.rpartition("-")[2]
    found = digest_of_file(path)
    if not found.startswith(expected):
        raise WeightsCorruptError(
            f"{path} has SHA-256 {found[:8]}… where its name says {expected}: download it again from {url}"
        )
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except _BROKEN as error:
        raise WeightsCorruptError(f"{path} has no weights: download it again from {url}") from error


def _fetch(file_name: str, source: Any) -> Any:
    """Through torchvision's loader; what it says goes to the error output, for the other may carry an answer."""
    try:
        with contextlib.redirect_stdout(sys.stderr):
            return source.get_state_dict(progress=False, check_hash=True, weights_only=True, map_location="cpu")
    except OSError as error:
        raise WeightsMissingError(
            f"{file_name} could not be fetched from {source.url} ({error}): "
            f"place it in a folder and name the folder in {VARIABLE}"
        ) from error
    except _BROKEN as error:
        raise WeightsCorruptError(
            f"{file_name} from {source.url} is not what it should be ({error}): remove it from torch's cache"
        ) from error


@dataclass(frozen=True, slots=True)
class HubModel:
    """A model by its name on the hub, ``OWNER/MODEL``, at a revision."""

    name: str
    revision: str = "main"

    @classmethod
    def read(cls, text: str, *, setting: str) -> HubModel:
        """The model that ``OWNER/MODEL`` or ``OWNER/MODEL@REVISION`` names.

        Raises
        ------
        ConfigurationError
        """
        found = _MODEL.fullmatch(text)
        if found is None or ".." in text:
            raise ConfigurationError(f"{setting}: {text!r} is not a model's name such as OWNER/MODEL")
        return cls(found["name"], found["revision"] or "main")

    @property
    def place(self) -> Path | None:
        """Its folder below ``SEGSEARCH_WEIGHTS``; None where that is not set."""
        folder = weights_folder()
        return None if folder is None else folder / self.name

    @property
    def is_here(self) -> bool:
        """Whether its files are in their place or in the hub's cache; fetches nothing."""
        if self.place is not None:
            return _is_complete(self.place)
        if find_spec("huggingface_hub") is None:
            return False
        from huggingface_hub import try_to_load_from_cache

        def is_kept(name: str) -> bool:
            return isinstance(try_to_load_from_cache(self.name, name, revision=self.revision), str)

        return is_kept("config.json") and any(map(is_kept, ("model.safetensors", "pytorch_model.bin")))

    @property
    def url(self) -> str:
        """Its page on the hub."""
        from huggingface_hub.constants import ENDPOINT

        return f"{ENDPOINT}/{self.name}"

    def identity(self) -> list[str]:
        """What a fingerprint is made of: its name with the revision, or with digests of the files in its place.

        Raises
        ------
        WeightsMissingError
            There is a folder of weights, but the model is not in it.

        Notes
        -----
        A branch such as ``main`` may move on the hub without a change of name: name a commit to be sure.
        Digests cost about a second a gigabyte.
        """
        if self.place is None:
            return [self.name, self.revision]
        files = sorted({file for pattern in _FILES for file in self._complete(self.place).glob(pattern)})
        return [self.name, *(f"{file.name}={digest_of_file(file)}" for file in files)]

    def load(self, kind: Any, **options: Any) -> Any:
        """What ``kind.from_pretrained`` makes of it.

        Parameters
        ----------
        kind : type
            A class of transformers.
        **options
            Passed on.

        Raises
        ------
        WeightsMissingError, WeightsCorruptError
        """
        with self.reading(kind.__name__):
            if self.place is not None:
                return kind.from_pretrained(self._complete(self.place), local_files_only=True, **options)
            return kind.from_pretrained(self.name, revision=self.revision, **options)

    def file(self, name: str) -> Path:
        """One of its files, from its place or, fetched if it is not there, from the hub's cache.

        Raises
        ------
        WeightsMissingError
        """
        from huggingface_hub import hf_hub_download
        from huggingface_hub.errors import LocalEntryNotFoundError

        if self.place is not None:
            path = self._complete(self.place) / name
            if not path.is_file():
                raise WeightsMissingError(f"{path} is missing: place there the file from {self.url}")
            return path
        with self.reading(name):
            try:
                return Path(hf_hub_download(self.name, name, revision=self.revision, local_files_only=True))
            except LocalEntryNotFoundError:
                return Path(hf_hub_download(self.name, name, revision=self.revision))

    def described(self, name: str = "config.json") -> dict[str, Any]:
        """What one of its JSON files says.

        Raises
        ------
        WeightsMissingError, WeightsCorruptError
        """
        path = self.file(name)
        try:
            found: dict[str, Any] = {**json.loads(path.read_text(encoding="utf-8"))}
        except (ValueError, TypeError) as error:
            raise WeightsCorruptError(
                f"{path} does not describe a model ({_brief(error)}): download it again from {self.url}"
            ) from error
        return found

    @contextlib.contextmanager
    def reading(self, reader: str) -> Iterator[None]:
        """What a library's loader raises becomes one of our errors.

        Parameters
        ----------
        reader : str
            What reads, for the message.

        Raises
        ------
        WeightsMissingError, WeightsCorruptError
        """
        try:
            yield
        except _BROKEN as error:
            if self.place is not None:
                raise WeightsCorruptError(
                    f"{self.place} does not hold what {reader} reads ({_brief(error)}): download it again from "
                    f"{self.url}"
                ) from error
            if isinstance(error, OSError):
                raise WeightsMissingError(f"{self._not_fetched(error)} set {VARIABLE}=FOLDER") from error
            raise WeightsCorruptError(f"{self.url} is not what {reader} reads ({_brief(error)})") from error

    def _not_fetched(self, error: OSError) -> str:
        """Why a model could not be fetched, and what to do."""
        from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError

        place = f"place the model's files in FOLDER/{self.name} and"
        causes = [error, error.__cause__, error.__context__]
        if any(isinstance(each, GatedRepoError) for each in causes) or "gated repo" in str(error):
            return (
                f"{self.name} is given on request: accept its licence on {self.url}, log in with `hf auth login`, and "
                f"try again when access is granted; or {place}"
            )
        if any(isinstance(each, RepositoryNotFoundError) for each in causes) or "valid model identifier" in str(error):
            return f"{self.url} has no model of this name: check how it is spelt, or {place}"
        return f"{self.name} could not be fetched from {self.url} ({_brief(error)}): {place}"

    def load_network(self, kind: Any) -> nn.Module:
        """The network, in evaluation mode without gradients; one that would be left partly unfilled is refused.

        Raises
        ------
        WeightsMissingError, WeightsCorruptError
        """
        from transformers.utils import logging

        logging.disable_progress_bar()
        network, report = self.load(kind, output_loading_info=True)
        unfilled = sorted(set(report["missing_keys"]) & {name for name, _ in network.named_parameters()})
        if unfilled:
            raise WeightsCorruptError(
                f"the weights of {self.name} leave {len(unfilled)} tensors of {type(network).__name__} empty, "
                f"first {unfilled[0]}: is it a model for this task?"
            )
        filled: nn.Module = network.eval().requires_grad_(False)
        return filled

    def _complete(self, place: Path) -> Path:
        if not _is_complete(place):
            raise WeightsMissingError(
                f"{place} is missing or incomplete: place there config.json, preprocessor_config.json and "
                f"model.safetensors from {self.url}"
            )
        return place


def _is_complete(place: Path) -> bool:
    """Whether a folder has a model's description and weights."""
    return (place / "config.json").is_file() and any(any(place.glob(each)) for each in _FILES[:2])


def _brief(error: Exception) -> str:
    """The first line of a message that may be long."""
    return (str(error).splitlines() or [type(error).__name__])[0][:200]
