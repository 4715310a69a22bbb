"""Asks a detector with a progress bar, teaches what was found, and tells it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from retrieval.assembly import Assembly
from retrieval.errors import ConfigurationError, QueryError, UnknownSegmentError
from retrieval.formats.dataset import UNNAMED
from retrieval.formats.importing import ImportReport
from retrieval.models.fingerprint import fingerprint
from retrieval.processes.tables import Console, Table
from retrieval.processes.terminal import echo, echo_json
from retrieval.recipes import sam3
from retrieval.recipes.concept_detector import ConceptDetector

from ..detection import Detection, DetectionReport, examples_in, photos_to_ask
from ..publish import Publisher
from .import_output import importing, print_lines, teach

FAMILY = "sam3"

MOST_EXAMPLES = 10_000
"""At most so many segments of a word are looked at, of which the examples are drawn."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What becomes of a finding: whether its words become concepts, and how it is told."""

    teaches: bool
    as_json: bool


def detect_words(assembly: Assembly, recipe: str, words: Sequence[str], first: int, kept: Kept, *, every: bool) -> None:
    """Ask for words in the photos that a search ranks first, and in all others if `every`.

    Raises
    ------
    ConfigurationError
        The recipe cannot be asked for words, or a word is no short phrase.
    WeightsMissingError
    """
    asked = sam3.checked_words(words, "WORDS")
    report = DetectionReport()
    with _detection(assembly, recipe) as (detection, begin):
        wanted = photos_to_ask(assembly, assembly.engine(), asked, first, every=every)
        begin(len(wanted))
        try:
            detection.ask(wanted, report)
        finally:
            Publisher(assembly).publish()
    counts = {
        word: {
            "asked": report.asked[word],
            "asked_before": report.before[word],
            "photos": report.shown[word],
            "segments": len(report.added.segments.get(word, ())),
        }
        for word in asked
    }
    concepts, untaught = _taught(assembly, asked) if kept.teaches else ([], [])
    faults = [*report.added.faults, *untaught]
    if kept.as_json:
        echo_json({"words": counts, "concepts": concepts, "faults": faults})
        return
    table = Table("word", *("photos asked", "asked before", "photos that show it", "segments"), title="found")
    for word, each in counts.items():
        table.add_row(word, *map(str, each.values()))
    Console().print(table)
    print_lines("not added", faults)


def detect_like(
    assembly: Assembly, recipe: str, like: Sequence[int], unlike: Sequence[int], given: str | None, kept: Kept
) -> None:
    """Find all things in a photo that are like segments of it.

    Raises
    ------
    QueryError
        There are no such segments, they are not all of one photo, or its file cannot be used.
    """
    word = None if given is None else sam3.checked_words([given], "--word")[0]
    found = assembly.catalog.segments.find([*like, *unlike])
    if missing := [key for key in (*like, *unlike) if key not in found]:
        raise UnknownSegmentError(f"there is no segment {missing[0]}: it never was, or its photo was analysed again")
    photos = {each.image_id for each in found.values()}
    if len(photos) > 1:
        raise QueryError(f"the segments are of {len(photos)} photos: examples must be of the photo that is searched")
    image = assembly.catalog.images.get(photos.pop())
    examples = examples_in(image, [found[key] for key in like], [found[key] for key in unlike])
    with _detection(assembly, recipe) as (detection, begin):
        begin(1)
        report = detection.like(image, examples, word, word or UNNAMED)
        Publisher(assembly).publish()
    untaught = teach(assembly, report)[1] if kept.teaches else []
    keys = [key for each in report.segments.values() for key in each]
    if kept.as_json:
        echo_json({"photo": image.id, "segments": keys, "faults": [*report.faults, *untaught]})
        return
    echo(
        f"photo {image.id} has {len(keys)} such things: segments {', '.join(map(str, keys))}" if keys else "found none"
    )
    print_lines("not added", [*report.faults, *untaught])


def _taught(assembly: Assembly, words: Sequence[str]) -> tuple[list[str], list[str]]:
    """Teach words by all segments that they label, of earlier runs as well; returns their names, and what failed."""
    labelled = {word: assembly.catalog.detections.segments(word, MOST_EXAMPLES) for word in words}
    return teach(assembly, ImportReport(segments={word: keys for word, keys in labelled.items() if keys}))


@contextmanager
def _detection(assembly: Assembly, recipe: str) -> Iterator[tuple[Detection, Callable[[int], None]]]:
    """What asks, with its network loaded, and what begins a progress bar for so many photos."""
    if recipe.partition(":")[0] != FAMILY:
        raise ConfigurationError(f"--recipe {recipe} cannot be asked for words: give {FAMILY}, or {FAMILY}:MODEL")
    model = sam3.hub_model(recipe)
    name = fingerprint(FAMILY, model.identity(), sam3.PARAMETERS)
    detector = ConceptDetector.load(model, assembly.settings.device, None, sam3.PARAMETERS)
    with importing(assembly, "asking photos", processes=1) as (importer, begin):
        yield Detection(assembly, detector, name, importer, importer.decoders), begin
