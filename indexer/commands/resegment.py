"""Analyses photos again with another recipe; their old segments stay searchable until then."""

from __future__ import annotations

from typing import Any

from retrieval.assembly import Assembly
from retrieval.catalog.records import State
from retrieval.processes.terminal import echo
from retrieval.settings import Settings
from retrieval.storage.locations import folder_uri

from ..report import Tally
from ..worker import Worker
from .progress import IngestProgress


def resegment(
    settings: Settings,
    state: State | None,
    max_quality: float | None,
    folder: str | None,
    *,
    enqueue: bool,
    ray: Any = None,
) -> None:
    """Queue the chosen photos for the recipe of `settings` and, unless `enqueue`, analyse them.

    Parameters
    ----------
    settings : Settings
    state, max_quality, folder
        Which photos; None for all that another recipe analysed.
    enqueue : bool
        Leave the work to a worker with this recipe.
    ray : module, optional
        Connected to a cluster, which analyses the photos.
    """
    assembly = Assembly(settings)
    below = folder_uri(folder).removesuffix("/") if folder is not None else None
    chosen = assembly.ingest_queue.reanalyze(
        assembly.recipe_spec.fingerprint, state=state, max_quality=max_quality, below=below
    )
    waiting = assembly.ingest_queue.unfinished(assembly.recipe_spec.fingerprint)
    echo(f"queued {chosen} photos for recipe {settings.recipe}" + (f", {waiting} in total" if waiting > chosen else ""))
    if enqueue or not waiting:
        return
    with IngestProgress(Tally(), total=waiting) as progress:
        done = Worker(assembly, progress.advance, ray).work(lambda: True)
    echo(f"analysed {done} photos")
    if carried := assembly.ingest_queue.carried:
        echo(
            f"{carried['moved']} judgements and examples moved to the new segments; {carried['lost']} were dropped, "
            "because no new segment overlaps enough"
        )
