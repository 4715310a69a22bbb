"""Analyses single photos with another recipe than the loaded one, in a process that ends with the answer."""

from __future__ import annotations

import signal
import threading
from collections import OrderedDict
from collections.abc import Callable

from pebble import ProcessExpired, ProcessPool

from ..errors import AnalyzerBusyError, AnalyzerUnavailableError, ImageError, QueryError, RetrievalError
from ..images.decode import DecodedImage
from ..images.fork_server import ForkServerContext, die_with_parent
from ..recipes import load
from ..types import AnalyzedImage
from .batch import analyze_batch
from .kept import Version
from .wire import dump_photo, load_photo

OTHER_SECONDS = 240.0
"""Time limit of a photo: large networks take a minute to load, and some take minutes a photo on a CPU."""

KEPT_ANALYSES = 8
"""The latest analyses are kept, so that one that was looked at can be taken at once. Each has some 5 MiB."""


class OtherRecipes:
    """Loads a recipe in a child process, analyses one photo, and ends the process; one at a time.

    So that the memory of a second network is in use for no longer than somebody waits for it.

    Parameters
    ----------
    device : str
        Where networks run: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.
    seconds : float
        Time limit of one photo, the loading of the network included.
    """

    def __init__(self, device: str = "auto", *, seconds: float = OTHER_SECONDS) -> None:
        self._device = device
        self._seconds = seconds
        self._turn = threading.Lock()
        self._kept: OrderedDict[tuple[str, Version], bytes] = OrderedDict()

    def analyze(self, recipe: str, version: Version, decode: Callable[[], DecodedImage]) -> AnalyzedImage:
        """What a recipe makes of a photo.

        Parameters
        ----------
        recipe : str
            Its name.
        version : tuple of int
            Of the photo's file; what was made of the latest ones is kept.
        decode : callable
            Decodes the photo; called if its analysis is not kept.

        Raises
        ------
        ImageError
            What `decode` raises.
        QueryError
            The recipe cannot be used on this machine, or took too long.
        AnalyzerBusyError
            Another photo is being analysed.

        Notes
        -----
        Some 3 s with a recipe of OpenVINO, 10 s and more with one of torch, most of it to load the network.
        """
        if not self._turn.acquire(blocking=False):
            raise AnalyzerBusyError("another photo is being segmented with another recipe: try again in a few seconds")
        try:
            key = recipe, version
            if key not in self._kept:
                self._kept[key] = self._made(recipe, decode())
            self._kept.move_to_end(key)
            while len(self._kept) > KEPT_ANALYSES:
                self._kept.popitem(last=False)
            return load_photo(self._kept[key])
        finally:
            self._turn.release()

    def _made(self, recipe: str, image: DecodedImage) -> bytes:
        pool = ProcessPool(max_workers=1, max_tasks=1, initializer=_begin, context=ForkServerContext())
        try:
            made: bytes = pool.schedule(_analyzed, (recipe, self._device, image), timeout=self._seconds).result()
        except TimeoutError as error:
            raise QueryError(
                f"the recipe {recipe} took longer than {self._seconds:g} s for this photo: choose a faster one"
            ) from error
        except ProcessExpired as error:
            raise QueryError(
                f"the process of the recipe {recipe} died (exit code {error.exitcode}): it probably needs more memory "
                "than this machine has left; choose a smaller recipe"
            ) from error
        except (ImageError, AnalyzerUnavailableError):
            raise
        except RetrievalError as error:
            raise QueryError(f"the recipe {recipe} cannot be used here: {error}") from error
        else:
            return made
        finally:
            pool.stop()  # type: ignore[no-untyped-call]
            pool.join()


def _begin() -> None:
    """Prepare the child: it ends at once when told to, and with its parent."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    die_with_parent()


def _analyzed(recipe: str, device: str, image: DecodedImage) -> bytes:
    """An analysis as bytes; runs in the child."""
    (found,) = analyze_batch(load(recipe, device), [image])
    return dump_photo(found)
