"""A photo library: ingest, search and name things from Python."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property, lru_cache
from pathlib import Path
from pkgutil import resolve_name
from typing import Any, Protocol, Self

from ..assembly import Assembly
from ..errors import QueryError
from ..formats.dataset import Dataset
from ..formats.exports import FORMATS, Export, Format
from ..formats.selection import Selection
from ..formats.targets import check_target, write_file
from ..images.decoder_pool import DecoderPool
from ..models.fingerprint import digest_of_file
from ..query.filters import NO_FILTERS, Filters
from ..query.prompt import Box, Mask, Point
from ..query.relations import Relation
from ..query.request import Clause, Matching, Ref, SearchRequest
from ..search.answer import SearchAnswer
from ..search.engine import SearchEngine
from ..storage.locations import has_scheme, is_file, path_of, uri_from
from ..types import AnalyzedImage
from .hits import Hit, Hits
from .photos import Photos
from .records import Photo, Segment

INGEST = "indexer.worker:ingest_paths"
"""The function that ingests photos. It belongs to a layer above, so it is named here, once, and loaded on first use."""

ANALYSES_KEPT = 8
"""How many analysed query photos are cached."""

PAGE_SIZE = 500

PhotoPath = str | os.PathLike[str]


class IngestReport(Protocol):
    """What became of every file of an ingest."""

    @property
    def counts(self) -> Mapping[Any, int]:
        """Files by what they came to.

        ``indexed``, ``unchanged``, ``duplicate``, ``empty``, ``failed``, ``skipped``, ``restored`` or ``deleted``.
        """
        ...

    @property
    def failures(self) -> Sequence[Any]:
        """Those that failed, each with `path` and `reason`."""
        ...

    @property
    def seconds(self) -> float:
        """How long it took."""
        ...


class Library:
    """Photos that can be searched by segment; a context manager. Made by `retrieval.open`.

    Parameters
    ----------
    assembly : Assembly
    """

    def __init__(self, assembly: Assembly) -> None:
        self._assembly = assembly
        self._decoders = DecoderPool(1)
        self._analyzer = assembly.analyzer(self._decoders)
        self._aside: dict[str, Path] = {}  # files of photos that are being searched with, by their digests
        self._analyses: Callable[[Path, str], AnalyzedImage] = lru_cache(ANALYSES_KEPT)(self._analyze)

    def __enter__(self) -> Self:
        """The library itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()

    def close(self) -> None:
        """Close the database and end the decoder processes."""
        self._decoders.close(cancel=True)
        self._assembly.close()

    def ingest(self, *paths: PhotoPath) -> IngestReport:
        """Ingest photos: files, folders with everything below them, and what is in object stores.

        Parameters
        ----------
        *paths : path or str
            Paths, or URIs: ``s3://bucket/prefix``, ``gs://bucket/prefix``, or the address of a file on a web server.

        Returns
        -------
        IngestReport
            A file that cannot be used is listed with the reason; the others are ingested.

        Raises
        ------
        QueryError
            No path was given, or one does not exist.
        ConfigurationError
            A URI cannot be used, or a package for it is not installed.
        """
        uris = [uri_from(path) for path in paths if isinstance(path, str) and has_scheme(path)]
        places = [Path(path).expanduser().absolute() for path in paths if not has_scheme(os.fspath(path))]
        places += [path_of(uri) for uri in uris if is_file(uri)]
        if not paths:
            raise QueryError("nothing to ingest: give at least one file or folder")
        for place in places:
            if not place.exists():
                raise QueryError(f"{place} does not exist: give a photo or a folder of photos")
        ingest: Callable[[Assembly, Sequence[Path], Sequence[str]], IngestReport] = resolve_name(INGEST)
        return ingest(self._assembly, places, [uri for uri in uris if not is_file(uri)])

    def search(  # noqa: PLR0913  # what can be asked, each by its name
        self,
        *,
        text: str = "",
        image: PhotoPath | int | None = None,
        point: Point | None = None,
        granularity: float | None = None,
        level: int | None = None,
        box: Box | None = None,
        polygon: Sequence[Point] = (),
        points: Sequence[Point] = (),
        not_points: Sequence[Point] = (),
        mask: Mask | None = None,
        segment: int | None = None,
        limit: int = 20,
        filters: Filters = NO_FILTERS,
        also: Sequence[Clause | str] = (),
        relations: Sequence[Relation] = (),
        match: Matching = "kind",
    ) -> Hits:
        """Search by a photo, by a place on it, by a stored segment, or by words; several together mean all of them.

        Parameters
        ----------
        text : str
            Words, such as ``"find all motorcycles"``.
        image : path or int, optional
            A photo, or the id of a stored one.
        point : tuple of float, optional
            ``x, y`` on `image`, in pixels of the upright original.
        granularity : float, optional
            From 0, a part, to 1, the whole, of what lies at the point; what is most likely meant if absent.
        level : int, optional
            Which of the segments at the point, 0 being the first.
        box : tuple of float, optional
            ``x0, y0, x1, y1`` in the same pixels. Where none of the photo's segments fits it, one is made; so for a
            polygon and points. `Hits.used` tells.
        polygon : sequence of tuple of float
            Corners ``x, y`` of a line around the thing.
        points, not_points : sequence of tuple of float
            ``x, y`` on the thing, and beside it.
        mask : tuple, optional
            The thing itself: height and width, and COCO's compressed run lengths.
        segment : int, optional
            Id of a stored segment.
        limit : int
            1 to 1000.
        filters : Filters
        also : sequence of Clause or str
            What else the photos must contain.
        relations : sequence of Relation
            How the things are placed relative to each other.
        match : {"kind", "same"}
            Whether to find things of the examples' kind, or those very objects, which takes a second or two.

        Raises
        ------
        QueryError
            Nothing is asked for, a place is not on the photo, or the photo is not there.
        ImageError
            The photo cannot be used.
        UnknownImageError, UnknownSegmentError
        """
        place: dict[str, Any] = {"point": point, "box": box, "granularity": granularity, "level": level, "mask": mask}
        marks = {"polygon": polygon, "points": points, "not_points": not_points}
        place |= {name: tuple(corners) for name, corners in marks.items()}
        _check_place(image, place)
        with self._reference(image, place) as refs:
            request = SearchRequest(
                positive=(*refs, *([] if segment is None else [Ref(segment=segment)])),
                text=text,
                limit=limit,
                filters=filters,
                also=tuple(Clause(text=each) if isinstance(each, str) else each for each in also),
                relations=tuple(relations),
                match=match,
            )
            self._engine.refresh()
            return self._hits(self._engine.search(request))

    def images(self) -> Iterator[Photo]:
        """All photos that are not in the trash, by rising id."""
        page = self._assembly.catalog.images.page(limit=PAGE_SIZE)
        while page:
            yield from (Photo.of(record, self._photos) for record in page)
            page = self._assembly.catalog.images.page(after=page[-1].id, limit=PAGE_SIZE)

    def segments(self, image_id: int) -> list[Segment]:
        """The segments of a photo, in falling quality.

        Raises
        ------
        UnknownImageError
        """
        records = self._assembly.catalog.segments.of_image(self._assembly.catalog.images.get(image_id).id)
        return [Segment.of(record, self._photos) for record in records]

    def delete(self, image_id: int) -> None:
        """Move a photo to the trash, which is emptied of what was deleted 30 days ago.

        Its file stays unless it was uploaded.

        Raises
        ------
        UnknownImageError
        """
        self._assembly.catalog.images.get(image_id)
        self._assembly.trash.put([image_id])

    def restore(self, image_id: int) -> None:
        """Restore a photo from the trash; a photo that is not in the trash stays where it is.

        Raises
        ------
        UnknownImageError
            It was deleted for good, or never was.
        """
        self._assembly.catalog.images.get(image_id)
        self._assembly.trash.restore([image_id])

    def export(
        self, to: PhotoPath, hits: Iterable[Hit] | None = None, *, format: Format = "coco", replace: bool = False
    ) -> None:
        """Write photos with their segments and names to a file.

        Parameters
        ----------
        to : path
        hits : iterable of Hit, optional
            Only these segments; everything if absent.
        format : {"coco", "yolo", "voc", "csv", "cutouts", "parquet", "youtube-vis"}
            ``yolo``, ``voc`` and ``cutouts`` are ZIP files.
        replace : bool
            Whether an existing file is replaced.

        Raises
        ------
        QueryError
            The target cannot be used, there is no such format, or a hit is a whole photo.
        UnknownSegmentError
            A segment was deleted.
        ConfigurationError
            The format needs an extra that is not installed.
        """
        if format not in FORMATS:
            raise QueryError(f"there is no format {format!r}: choose one of {', '.join(FORMATS)}")
        target = Path(to).expanduser().absolute()
        check_target(target, replace=replace)
        catalog = self._assembly.catalog
        selection = Selection() if hits is None else Selection.of_segments(catalog, _segment_ids(hits))
        dataset = Dataset(catalog, self._assembly.concepts, self._assembly.recipe_spec.space, selection)
        export = Export(dataset=dataset, format=format, picture=self._photos.image)
        write_file(target, export.parts(), replace=replace)

    def concepts(self) -> list[str]:
        """The names that people gave."""
        return sorted(self._assembly.concepts.names())

    def learn(self, name: str, positive: Iterable[int | Hit], negative: Iterable[int | Hit] = ()) -> None:
        """Name what segments show, so that ``search(text=name)`` finds it.

        Parameters
        ----------
        name : str
        positive, negative : iterable of int or Hit
            Segments that show it, and that do not.

        Raises
        ------
        QueryError
            The name is taken or not allowed, or no example can be used.
        UnknownSegmentError
        """
        trainer = self._assembly.trainer(self._engine)
        trainer.teach(name, _segment_ids(positive), _segment_ids(negative))

    @cached_property
    def _engine(self) -> SearchEngine:
        return self._assembly.engine(self._analyzer, self._aside)

    @cached_property
    def _photos(self) -> Photos:
        return Photos(self._assembly.catalog, self._assembly.originals, self._decoders)

    @contextmanager
    def _reference(self, image: PhotoPath | int | None, place: dict[str, Any]) -> Iterator[list[Ref]]:
        """What a photo and a place on it mean; a photo that is not stored is kept until the search is done."""
        if image is None:
            yield []
        elif isinstance(image, int):
            yield [Ref(image=image, **place)]
        else:
            path = Path(image).expanduser().absolute()
            if not path.is_file():
                raise QueryError(f"{path} is not a file: give the path of a photo")
            digest, space = digest_of_file(path), self._assembly.recipe_spec.space
            self._aside[digest] = path
            photo = self._analyses(path, digest)
            query = self._assembly.queries.add(digest, photo.size_hw, photo.analysis, space)
            try:
                yield [Ref(query=query, **place)]
            finally:
                self._assembly.queries.remove(query)
                self._aside.pop(digest, None)

    def _analyze(self, path: Path, _digest: str) -> AnalyzedImage:
        return self._analyzer.analyze(path)

    def _hits(self, answer: SearchAnswer) -> Hits:
        images = self._assembly.catalog.images.find({match.image_id for match in answer.results})
        return Hits(
            [
                Hit(
                    image_id=match.image_id,
                    segment_id=match.segment_id,
                    path=images[match.image_id].path,
                    uri=place.uri if (place := images[match.image_id].place) is not None else None,
                    score=match.score,
                    likely=match.likely,
                    probability=match.probability,
                    box_xyxy=match.box_xyxy,
                    size_hw=(images[match.image_id].height or 0, images[match.image_id].width or 0),
                    label=match.label,
                    photos=self._photos,
                )
                for match in answer.results
                if match.image_id in images  # another process may have deleted it meanwhile
            ],
            answer.used,
        )


def _check_place(image: PhotoPath | int | None, place: dict[str, Any]) -> None:
    given = {name for name, value in place.items() if value is not None and value != ()}
    kinds = given & {"point", "box", "polygon", "points", "not_points", "mask"}
    if image is None and kinds:
        raise QueryError(f"{' and '.join(sorted(kinds))} are positions on a photo: give image, too")
    if len(kinds - {"not_points"}) > 1:
        raise QueryError(f"give only one of {', '.join(sorted(kinds - {'not_points'}))}")
    if given & {"granularity", "level"} and "point" not in given:
        raise QueryError("granularity and level choose among the segments at a point: give point, too")


def _segment_ids(examples: Iterable[int | Hit]) -> list[int]:
    found = [each.segment_id if isinstance(each, Hit) else each for each in examples]
    if None in found:
        raise QueryError("a whole photo cannot be used here: give one of its segments")
    return [key for key in found if key is not None]
