"""What a mark on a photo comes to: one of its segments, or one that is made."""

from __future__ import annotations

from dataclasses import replace
from io import BufferedReader
from pathlib import Path

import numpy as np
import pytest
from toys import segment_record

from retrieval.catalog.records import QueryRecord
from retrieval.errors import QueryError
from retrieval.images.masks import encode_mask
from retrieval.query.prompt import Point, Prompt
from retrieval.recipes import recipe_spec
from retrieval.search import picking
from retrieval.search.making import MakerOnPhoto, SegmentMaker, pick_or_make
from retrieval.search.point_editing import by_points
from retrieval.segment.prompt_measures import region_of
from retrieval.types import Analysis, AnalyzedImage, Segments

SIZE = 40, 60
LARGE = 400, 600


def box_mask(x0: int, y0: int, x1: int, y1: int) -> np.ndarray:
    mask = np.zeros(SIZE, bool)
    mask[y0:y1, x0:x1] = True
    return mask


PHOTO = [
    segment_record(box_mask(4, 4, 30, 36), quality=0.3, scale=10),
    segment_record(box_mask(8, 8, 20, 20), quality=0.9, scale=10),
    segment_record(box_mask(40, 10, 56, 20), quality=0.5, scale=10),
]


class Filler:
    """An analyzer that makes what lies within the mark, and always the same of points and masks."""

    makes = np.eye(*SIZE, dtype=bool)

    asked: list[tuple[Path, str]]
    prompts: list[Prompt]

    def __init__(self) -> None:
        self.asked, self.prompts = [], []

    def segment_prompt(self, path: Path, prompt: Prompt, space: str) -> AnalyzedImage:
        self.asked.append((path, space))
        self.prompts.append(prompt)
        if prompt.mask is None and not prompt.points:
            mask = region_of(prompt.scaled(LARGE, SIZE), SIZE)
        else:
            mask = self.makes
        segments = Segments(mask.astype(np.int32), np.array([[False, True]]), np.array([0.75], np.float32))
        vectors = np.ones((1, 4), np.float32) / 2
        return AnalyzedImage(
            size_hw=LARGE, format="PNG", taken_at=None, analysis=Analysis(segments, vectors, vectors[0])
        )


@pytest.fixture
def filler() -> Filler:
    return Filler()


def opened(_sha256: str) -> BufferedReader:
    return Path(__file__).open("rb")


def maker(filler: Filler, takes_prompts: bool = True) -> MakerOnPhoto:
    spec = replace(recipe_spec("grid"), takes_prompts=takes_prompts)
    photo = QueryRecord(
        id=1,
        sha256="ab",
        size_hw=LARGE,
        recipe=spec.space,
        segments=(),
        vectors=np.zeros((0, 4), np.float32),
        photo_vector=np.zeros(4, np.float32),
    )
    return MakerOnPhoto(SegmentMaker(filler, spec, None, preview=opened, query_file=opened), photo)  # type: ignore[arg-type]


def test_what_is_nearly_a_segment_is_that_segment(filler: Filler) -> None:
    assert pick_or_make(Prompt(box=(80, 80, 200, 200)), PHOTO, LARGE, maker(filler)) == (1, None)
    assert [space for _, space in filler.asked] == [recipe_spec("grid").space]


def test_where_none_fits_one_is_made(filler: Filler) -> None:
    row, made = pick_or_make(Prompt(box=(300, 200, 500, 400)), PHOTO, LARGE, maker(filler))
    assert made is not None
    assert (row, made.box_xyxy, made.area, made.quality, made.label) == (-1, (300, 200, 500, 400), 40_000, 0.75, None)
    assert (made.mask_size_hw, made.mask_counts) == (SIZE, encode_mask(box_mask(30, 20, 50, 40)))
    assert made.vector.tolist() == [0.5] * 4


def test_a_photo_without_segments_can_have_one_made(filler: Filler) -> None:
    assert pick_or_make(Prompt(box=(0, 0, 90, 90)), [], LARGE, maker(filler))[1] is not None
    with pytest.raises(QueryError, match="no segment was found"):
        pick_or_make(Prompt(box=(0, 0, 90, 90)), [], LARGE, None)


@pytest.mark.parametrize(
    ("prompt", "row"),
    [
        (Prompt(box=(390, 100, 600, 220)), 2),
        (Prompt(polygon=((70, 70), (220, 70), (220, 220), (70, 220))), 1),
        (Prompt(points=((100, 100), (250, 300))), 0),
        (Prompt(points=((100, 100), (590, 390)), not_points=((250, 300),)), 1),
    ],
    ids=["box", "polygon", "points", "points that no segment has"],
)
def test_recipes_that_make_none_pick_the_best(filler: Filler, prompt: Prompt, row: int) -> None:
    for given in (None, maker(filler, takes_prompts=False)):
        assert pick_or_make(prompt, PHOTO, LARGE, given) == (row, None)
    assert not filler.asked


def test_a_mask_needs_no_recipe_that_makes_segments(filler: Filler) -> None:
    prompt = Prompt(mask=(SIZE, encode_mask(np.eye(*SIZE, dtype=bool)).decode()))
    assert pick_or_make(prompt, PHOTO, LARGE, maker(filler, takes_prompts=False))[1] is not None


def drawn(*boxes: tuple[int, int, int, int], without: tuple[int, int, int, int] | None = None) -> np.ndarray:
    mask = np.any([box_mask(*box) for box in boxes], axis=0)
    return mask if without is None else mask & ~box_mask(*without)


@pytest.mark.parametrize(
    ("points", "not_points", "expected"),
    [
        (((100, 100), (190, 190)), (), 1),
        (((250, 300),), (), 0),
        (((100, 100),), ((250, 300),), 1),
        (((250, 300),), ((100, 100),), drawn((4, 4, 30, 36), without=(8, 8, 20, 20))),
        (((100, 100), (450, 150)), (), drawn((8, 8, 20, 20), (40, 10, 56, 20))),
        (((100, 100), (450, 150)), ((290, 350),), drawn((8, 8, 20, 20), (40, 10, 56, 20))),
        (((590, 390),), (), None),
        (((100, 100), (590, 390)), (), None),
        (((250, 300),), ((290, 350),), None),
    ],
    ids=[
        "both",
        "one",
        "not the whole",
        "without a part",
        "two",
        "two, not the whole",
        "none",
        "one of none",
        "no part",
    ],
)
def test_points_add_segments_and_take_them_away(
    points: tuple[tuple[float, float], ...], not_points: tuple[tuple[float, float], ...], expected: object
) -> None:
    found = by_points(PHOTO, LARGE, Prompt(points=points, not_points=not_points))
    if isinstance(expected, np.ndarray):
        assert found == (SIZE, encode_mask(expected))
    else:
        assert found == expected
    assert by_points([], LARGE, Prompt(points=points, not_points=not_points)) is None


def test_what_points_add_up_to_is_given_a_vector(filler: Filler) -> None:
    prompt = Prompt(points=((100, 100), (450, 150)))
    assert pick_or_make(prompt, PHOTO, LARGE, maker(filler, takes_prompts=False))[1] is not None
    assert filler.prompts == [Prompt(mask=(SIZE, encode_mask(drawn((8, 8, 20, 20), (40, 10, 56, 20))).decode()))]
    assert pick_or_make(prompt, PHOTO, LARGE, None) == (1, None)


def test_points_correct_the_segment_of_the_first(filler: Filler) -> None:
    for points, not_points in ((((100, 100), (450, 150)), ()), (((100, 100),), ((150, 150),))):
        row, made = pick_or_make(Prompt(points=points, not_points=not_points), PHOTO, LARGE, maker(filler))
        assert row == -1
        assert made is not None
        assert made.mask_counts == encode_mask(filler.makes)
        begun = SIZE, PHOTO[1].mask_counts.decode()
        assert filler.prompts[-1] == Prompt(mask=begun, points=points, not_points=not_points)


@pytest.mark.parametrize("points", [((100, 100),), ((100, 100), (190, 190))])
def test_points_that_agree_with_that_segment_correct_nothing(filler: Filler, points: tuple[Point, ...]) -> None:
    assert pick_or_make(Prompt(points=points, not_points=((590, 390),)), PHOTO, LARGE, maker(filler)) == (1, None)
    assert not filler.asked


def test_where_no_segment_covers_the_first_point_there_is_none_to_correct(filler: Filler) -> None:
    prompt = Prompt(points=((590, 390), (100, 100)))
    assert pick_or_make(prompt, PHOTO, LARGE, maker(filler))[1] is not None
    assert filler.prompts == [prompt]


def test_a_segment_that_points_contradict_is_not_what_was_made(filler: Filler) -> None:
    filler.makes = box_mask(8, 8, 20, 20)
    prompt = Prompt(points=((100, 100), (450, 150)))
    assert pick_or_make(prompt, PHOTO, LARGE, maker(filler))[0] == -1, "it misses the second point"
    assert pick_or_make(Prompt(points=((120, 120),), not_points=((85, 85),)), PHOTO, LARGE, maker(filler))[0] == -1
    filler.makes = box_mask(4, 4, 30, 36)
    assert pick_or_make(Prompt(points=((100, 100), (250, 300))), PHOTO, LARGE, maker(filler)) == (0, None)


def test_the_mark_has_to_lie_on_the_photo(filler: Filler) -> None:
    with pytest.raises(QueryError, match="outside the photo of 600x400"):
        pick_or_make(Prompt(box=(700, 0, 800, 90)), PHOTO, LARGE, maker(filler))


def test_a_mask_of_another_size_may_be_the_same() -> None:
    mask = box_mask(4, 4, 30, 36)
    doubled = mask.repeat(2, axis=0).repeat(2, axis=1)
    assert picking.same(PHOTO, (SIZE, encode_mask(mask))) == 0
    assert picking.same(PHOTO, ((2 * SIZE[0], 2 * SIZE[1]), encode_mask(doubled))) == 0
    assert picking.same(PHOTO, ((2 * SIZE[0], 2 * SIZE[1]), encode_mask(~doubled))) is None
    assert picking.same([], (SIZE, encode_mask(mask))) is None
