"""Selects what ``export`` writes, and writes it with a progress bar."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from retrieval.assembly import Assembly
from retrieval.catalog import ImageRecord
from retrieval.formats.dataset import Dataset
from retrieval.formats.exports import FOLDERS, Export
from retrieval.formats.selection import Selection
from retrieval.formats.targets import check_target, write_file, write_folder
from retrieval.images.decoder_pool import DecoderPool
from retrieval.library.photos import Photos
from retrieval.processes.tables import Console
from retrieval.processes.terminal import echo
from retrieval.query.filters import Filters
from retrieval.query.request import Ref, SearchRequest

from .concept_output import concept_named


def export(assembly: Assembly, target: Path | None, asked: dict[str, Any], *, replace: bool) -> None:
    """Export what the options of ``export`` describe.

    Parameters
    ----------
    assembly : Assembly
    target : Path or None
        A file or folder; None for standard output.
    asked : dict
        The options, by their names.
    replace : bool
        Whether an existing file is replaced.

    Raises
    ------
    QueryError, UnknownImageError, UnknownSegmentError
        What is selected does not exist, or the target cannot be used.
    """
    if target is not None:
        check_target(target, replace=replace)
    selection = selected(assembly, asked)
    console = Console(stderr=True)
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    disabled = not console.is_terminal or target is None
    with Progress(*columns, console=console, disable=disabled) as bar, DecoderPool(1) as decoders:
        task = bar.add_task("exporting photos", total=selection.total(assembly.catalog))
        dataset = Dataset(
            assembly.catalog, assembly.concepts, assembly.recipe_spec.space, selection, lambda: bar.advance(task)
        )
        originals = _Originals(Photos(assembly.catalog, assembly.originals, decoders))
        made = Export(
            dataset=dataset,
            format=asked["form"],
            picture=originals.photos.image,
            original=originals if asked["with_photos"] else None,
            polygons=asked["polygons"],
        )
        _write(made, target, replace=replace)
    if originals.missing:
        echo(f"photos left out, because their files were moved or changed: {originals.missing}", err=True)


def selected(assembly: Assembly, asked: dict[str, Any]) -> Selection:
    """The photos and segments that the options describe.

    Raises
    ------
    QueryError, UnknownImageError, UnknownSegmentError
    """
    filters = Filters(folder=asked["folder"])
    if asked["photos"]:
        return Selection.of_photos(assembly.catalog, asked["photos"], filters)
    if asked["segments"]:
        return Selection.of_segments(assembly.catalog, asked["segments"], filters)
    if asked["concept"]:
        concept = assembly.concepts.get(concept_named(assembly, asked["concept"]))
        return Selection.labelled(assembly.engine(), concept, filters)
    if asked["words"].strip() or asked["like"] is not None:
        request = SearchRequest(
            positive=() if asked["like"] is None else (Ref(segment=asked["like"]),),
            text=asked["words"],
            limit=asked["limit"],
            group_by="segment",
            filters=filters,
        )
        return Selection.found(assembly.engine(), request)
    return Selection(filters=filters)


class _Originals:
    """Files of photos; counts those that are gone."""

    def __init__(self, photos: Photos) -> None:
        self.photos, self.missing = photos, 0

    def __call__(self, image: ImageRecord) -> tuple[str, bytes] | None:
        found = self.photos.original(image)
        self.missing += found is None
        return found


def _write(made: Export, target: Path | None, *, replace: bool) -> None:
    if target is None:
        for part in made.parts():
            sys.stdout.buffer.write(part)
        sys.stdout.flush()
    elif made.format in FOLDERS and made.format != "cutouts" and target.suffix.lower() != ".zip":
        write_folder(target, made.files())
    else:
        write_file(target, made.parts(), replace=replace)
