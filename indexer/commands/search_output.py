"""Search results, on the terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from itertools import takewhile
from pathlib import Path
from typing import Any

import click
from rich.box import SIMPLE_HEAD

from retrieval.assembly import Assembly
from retrieval.images.decoder_pool import DecoderPool
from retrieval.models.fingerprint import digest_of_file
from retrieval.processes.tables import Console, Table
from retrieval.processes.terminal import echo_json
from retrieval.query.filters import Filters
from retrieval.query.relations import RELATIONS, Relation
from retrieval.query.request import Clause, Ref, SearchRequest
from retrieval.search.answer import Match, PartMatch, SearchAnswer, Used
from retrieval.search.engine import SearchEngine
from retrieval.storage.disk import size
from retrieval.text.reading import Reading, Term

from ..clean import clean, waste
from .concept_output import concept_named

FACETS = 8
"""How many facets of each kind are shown."""


def answer_to(assembly: Assembly, image: Path | None, asked: dict[str, Any]) -> SearchAnswer:
    """The answer to what the options of ``search`` describe; a photo is analysed first, and removed at the end."""
    place, segment = _place(image, asked), asked["segment"]
    refs = [Ref(segment=segment)] if segment is not None else []
    if asked["compare"] == "things" and image is None:
        raise click.UsageError("--compare things compares photos with one whole photo: give --image")
    if image is None:
        return assembly.engine().search(_request(assembly, refs, asked))
    with engine_with_photo(assembly, image) as (engine, query):
        return engine.search(_request(assembly, [*refs, Ref(query=query, **place)], asked))


@contextmanager
def engine_with_photo(assembly: Assembly, image: Path) -> Iterator[tuple[SearchEngine, int]]:
    """An engine, and a query photo of a file, which is analysed while the index is opened, and removed at the end."""
    digest, path = digest_of_file(image), image.absolute()
    with DecoderPool(1) as decoders:
        analyzer = assembly.analyzer(decoders)
        with assembly.opening_engine(analyzer, {digest: path}) as engine:
            photo = analyzer.analyze(path)
            query = assembly.queries.add(digest, photo.size_hw, photo.analysis, assembly.recipe_spec.space)
            try:
                yield engine.result(), query
            finally:
                assembly.queries.remove(query)


def _place(image: Path | None, asked: dict[str, Any]) -> dict[str, Any]:
    """The place on the photo that the options name, as `Ref` takes it."""
    points, others, box, polygon = (asked[name] for name in ("points", "not_points", "box", "polygon"))
    if image is None and (points or others or box or polygon):
        raise click.UsageError("--at, --not-at, --box and --polygon are positions on a photo: give --image, too")
    if sum(map(bool, (points or others, box, polygon))) > 1:
        raise click.UsageError("give only one of --at, --box and --polygon")
    choice = {name: asked[name] for name in ("granularity", "level")}
    single = points[0] if len(points) == 1 and not others else None
    if single is None and any(value is not None for value in choice.values()):
        raise click.UsageError("--granularity and --level choose among the segments at a point: give one --at, too")
    if single is not None:
        return {"point": single, **choice}
    return {"points": points, "not_points": others, "box": box, "polygon": polygon}


def _request(assembly: Assembly, refs: Sequence[Ref], asked: dict[str, Any]) -> SearchRequest:
    if not refs and not asked["text"].strip():
        raise click.UsageError("nothing is asked for: give words, --image or --segment")
    chosen = {
        name: asked[name]
        for name in ("text", "limit", "group_by", "min_quality", "fold_duplicates", "compare", "match")
    }
    also = [Clause(positive=(Ref(segment=key),)) for key in asked["and_segment"]]
    also += [Clause(text=text) for text in asked["and_text"]]
    relations = tuple(_relation(text) for text in asked["relations"])
    return SearchRequest(
        positive=tuple(refs),
        also=tuple(also),
        relations=relations,
        filters=filters_of(assembly, asked),
        facets=asked["facets"],
        **chosen,
    )


def filters_of(assembly: Assembly, asked: dict[str, Any]) -> Filters:
    """Filters from options; a concept is given by its name."""
    days = {name: asked[name].date() for name in ("taken_from", "taken_until") if asked[name]}
    same = {name: asked[name] for name in ("label", "min_area", "max_area", "position")}
    concept = concept_named(assembly, asked["concept"]) if asked["concept"] else None
    return Filters(folder=asked["folder"], concept=concept, **days, **same)


def _relation(text: str) -> Relation:
    """A relation from ``SUBJECT:RELATION:OBJECT``."""
    subject, _, rest = text.partition(":")
    name, _, other = rest.partition(":")
    if name not in RELATIONS or not subject.isdecimal() or not other.isdecimal():
        raise click.UsageError(
            f"--relation {text!r} is not like 0:above:1: the number of a part of the query, one of "
            f"{', '.join(RELATIONS)}, and the number of another part"
        )
    return Relation(int(subject), name, int(other))


def print_answer(assembly: Assembly, answer: SearchAnswer, *, as_json: bool, details: bool = False) -> None:
    """A table of results, or one JSON object; `details` adds scores, quality and boxes to the table."""
    if as_json:
        echo_json(answer_json(answer, paths_of(assembly, answer)))
        return
    console = Console()
    _print_words(console, assembly, answer)
    for used in answer.used:
        if told := _told_used(used):
            console.print(told)
    if answer.compared == "things":
        console.print(f"photos are compared by {len(answer.parts)} things: {', '.join(answer.parts)}")
    if answer.none_likely and answer.words is None:
        console.print("probably no photo here shows this very object; the nearest are:")
    if answer.none_likely and answer.words is not None:
        first, *others = answer.words.understood
        console.print(
            f"probably {'no photo' if others else 'nothing'} here shows "
            f"{'all of this' if others else first.text}; the nearest are:"
        )
    if answer.results:
        print_results(console, answer, paths_of(assembly, answer), details=details)
    else:
        console.print("nothing was found")
    for kind, facets in (answer.facets or {}).items():
        if facets:
            counted = ", ".join(f"{each.name} ({each.count})" for each in facets[:FACETS])
            console.print(f"{kind}: {counted}")
    lag = f", {answer.lag:,} not searchable yet" if answer.lag else ""
    console.print(f"{answer.indexed:,} segments searched in {answer.took_ms:.0f} ms{lag}")


def paths_of(assembly: Assembly, answer: SearchAnswer) -> dict[int, str]:
    """Where the photos of results are: paths, and addresses of objects; bytes that are no UTF-8 are escaped."""
    images = assembly.catalog.images.find({match.image_id for match in answer.results})
    return {key: image.displayed for key, image in images.items()}


def print_results(console: Console, answer: SearchAnswer, paths: Mapping[int, str], *, details: bool) -> None:
    """A table of results whose files are named from the folder that they share."""
    folder = _shared_folder([paths[match.image_id] for match in answer.results if match.image_id in paths])
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    chances = any(match.probability is not None for match in answer.results)
    numbers = [*(["chance"] * chances), *(["score"] * (details or not chances)), "photo", "segment"]
    for name in [*numbers, *(["quality"] * details)]:
        table.add_column(name, justify="right")
    for name in [*(["box x0 y0 x1 y1"] * details), "label", *(["parts"] * (details and len(answer.parts) > 1))]:
        table.add_column(name)
    table.add_column("file", overflow="fold")
    for match, following in zip(answer.results, [*answer.results[1:], None], strict=True):
        file = paths.get(match.image_id, "").removeprefix(f"{folder}/")
        alike = f"  (+{len(match.alike)} alike)" if match.alike else ""
        cells = [*_cells(answer, match, chances=chances, details=details), file + alike]
        ends = match.likely and following is not None and not following.likely
        table.add_row(*cells, style=None if match.likely else "dim", end_section=ends)
    console.print(table)
    if any(not match.likely for match in answer.results) and any(match.likely for match in answer.results):
        console.print("results below the line are less likely")
    if folder is not None:
        console.print(f"files are in {folder}", soft_wrap=True)


def _cells(answer: SearchAnswer, match: Match, *, chances: bool, details: bool) -> Iterator[str]:
    """The columns of a result, without its file."""
    if chances:
        yield "" if match.probability is None else "<1%" if match.probability < 0.01 else f"{match.probability:.0%}"
    if details or not chances:
        yield f"{match.score:.3f}"
    yield str(match.image_id)
    yield str(match.segment_id or "whole")
    if details:
        yield "" if match.quality is None else f"{match.quality:.2f}"
        yield " ".join(map(str, match.box_xyxy))
    yield match.label or ""
    if details and len(answer.parts) > 1:
        yield ", ".join(_told(answer.parts[each.part], each) for each in match.parts)


def _shared_folder(paths: Sequence[str]) -> str | None:
    """The folder or prefix that all of these files are in or below; None if they only share the root, or a scheme."""
    levels = zip(*(path.split("/")[:-1] for path in paths), strict=False)
    shared = [names[0] for names in takewhile(lambda names: len(set(names)) == 1, levels)]
    return "/".join(shared) if shared and shared[-1] else None


def _print_words(console: Console, assembly: Assembly, answer: SearchAnswer) -> None:
    """How the words were read."""
    spec = assembly.recipe_spec
    knows = (
        spec.reads_text
        or spec.word_vectors is not None
        or any(term.concept for term in (answer.words.understood if answer.words else ()))
    )
    if answer.words is not None and not knows:
        console.print(f"the recipe {spec.name} cannot search by words: give --image or --segment")
    elif answer.words is not None:
        for line in heard(answer.words):
            console.print(line)


def heard(words: Reading) -> Iterator[str]:
    """How words were read, line by line; what is ignored is said."""
    for term in words.understood:
        yield f"{term.text} → {_meaning(term)}"
    for term in words.unwanted:
        yield f"without {term.text} → {_meaning(term)}"
    for link in words.links:
        if link.relation is not None:
            subject, other = words.understood[link.subject].text, words.understood[link.object].text
            yield f"{link.text} → {subject} {link.relation.replace('_', ' ')} {other}"
    if words.unsupported:
        yield f"not supported, ignored: {', '.join(words.unsupported)}"
    if words.unknown:
        hint = f"; did you mean {', '.join(words.suggestions)}?" if words.suggestions else ""
        yield f"not understood: {', '.join(words.unknown)}{hint}"


def _meaning(term: Term) -> str:
    """What a word was read as."""
    if term.concept is not None:
        return f"the concept {term.name}"
    if term.substitutes:
        return f"no word for {term.text}; nearest known: {', '.join(each.term.name for each in term.substitutes)}"
    labels = f"{', '.join(term.labels[:8])}{' …' if len(term.labels) > 8 else ''}"
    return labels or ("taken literally" if term.learned is None else term.name)


def _told_used(used: Used) -> str | None:
    """What was picked or made of a place on a photo."""
    if used.alternatives:
        return f"segment at the point: {(used.level or 0) + 1} of {len(used.levels)}; choose another with --level"
    if used.made is not None:
        box = " ".join(map(str, used.made.box_xyxy))
        return f"no segment fits: one was made, box {box}, quality {used.made.quality:.2f}"
    if used.ref.prompt is not None and used.segment is not None:
        box = " ".join(map(str, used.segment.box_xyxy))
        return f"segment {used.segment.id} was picked, box {box}, quality {used.segment.quality:.2f}"
    return None


def _told(name: str, part: PartMatch) -> str:
    """The segment of a result that matches one part of the query, in a few words."""
    nearest = f" as {part.nearest}" if part.nearest and part.nearest != name else ""
    return f"{name}{nearest}: {part.segment_id} ({part.score:.2f})"


def _term_json(term: Term) -> dict[str, Any]:
    return {
        "text": term.text,
        "name": term.name,
        "labels": term.labels,
        "colors": term.colors,
        "concept": term.concept,
        "substitutes": [{"name": each.term.name, "weight": each.weight} for each in term.substitutes],
    }


def answer_json(answer: SearchAnswer, paths: dict[int, str]) -> dict[str, Any]:
    """An answer as JSON, with the paths of the photos."""
    results = [
        {
            **_explained(match),
            "image_id": match.image_id,
            "segment_id": match.segment_id,
            "score": round(match.score, 6),
            "box_xyxy": list(match.box_xyxy),
            "label": match.label,
            "likely": match.likely,
            "fallback": match.fallback,
            "quality": None if match.quality is None else round(match.quality, 4),
            "path": paths.get(match.image_id),
            "probability": None if match.probability is None else round(match.probability, 6),
            "evidence": None if match.evidence is None else match.evidence._asdict(),
        }
        for match in answer.results
    ]
    words = answer.words and {
        "understood": [_term_json(term) for term in answer.words.understood],
        "unwanted": [_term_json(term) for term in answer.words.unwanted],
        "links": [asdict(each) for each in answer.words.links],
        "unknown": answer.words.unknown,
        "unsupported": answer.words.unsupported,
        "suggestions": answer.words.suggestions,
    }
    used = [_used_json(each) for each in answer.used]
    index = {"segments": answer.indexed, "lag": answer.lag}
    took = round(answer.took_ms, 2)
    parts = list(answer.parts)
    facets = (
        None
        if answer.facets is None
        else {kind: [asdict(each) for each in found] for kind, found in answer.facets.items()}
    )
    return {
        "results": results,
        "used": used,
        "words": words,
        "parts": parts,
        "facets": facets,
        "index": index,
        "took_ms": took,
        "facets_of": answer.facets_of,
        "none_likely": answer.none_likely,
        "compared": answer.compared,
    }


def _used_json(used: Used) -> dict[str, Any] | None:
    if used.made is not None:
        made = used.made
        mask = {"size": list(made.mask_size_hw), "counts": made.mask_counts.decode("ascii")}
        return {
            "segment": None,
            "made": True,
            "box_xyxy": made.box_xyxy,
            "area": made.area,
            "quality": round(made.quality, 4),
            "mask": mask,
        }
    if used.segment is None:
        return None
    alternatives = [
        {"level": number, "segment": each.id, "quality": round(each.quality, 4), "area": each.area}
        for number, each in used.alternatives
    ]
    return {
        "segment": used.segment.id,
        "made": False,
        "box_xyxy": used.segment.box_xyxy,
        "level": used.level,
        "alternatives": alternatives,
    }


def _explained(match: Match) -> dict[str, Any]:
    matched = [{**part._asdict(), "score": round(part.score, 6)} for part in match.parts]
    return {"alike": match.alike, "matched": matched, "relations": [round(degree, 4) for degree in match.relations]}


def print_cleaned(assembly: Assembly, *, dry_run: bool, as_json: bool) -> None:
    """Remove waste, or with `dry_run` only look for it, and print how much there is of each kind."""
    found = waste(assembly) if dry_run else clean(assembly)
    if as_json:
        kinds = {each.kind: {"count": each.count, "bytes": each.bytes} for each in found}
        echo_json({"dry_run": dry_run, "waste": kinds, "bytes": sum(each.bytes for each in found)})
        return
    table = Table("what", "count", "size")
    for each in found:
        table.add_row(each.kind, str(each.count), size(each.bytes) if each.bytes else "")
    console = Console()
    if found:
        console.print(table)
    total = size(sum(each.bytes for each in found))
    console.print(f"{total} {'would be' if dry_run else 'were'} removed" if found else "nothing to remove")
