"""The very object is told from others of its kind by its picture."""

from __future__ import annotations

from collections.abc import Iterator
from colorsys import hsv_to_rgb
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image
from toys import ToyLibrary, analysis

from retrieval.embed.appearance import Appearance
from retrieval.errors import QueryError, UnreadableImageError
from retrieval.query.filters import Filters
from retrieval.query.request import Clause, Ref, SearchRequest
from retrieval.search.answer import ObjectEvidence
from retrieval.search.engine import SearchEngine
from retrieval.search.same_object import KEPT, KeptAppearances, ObjectVerifier, probability
from retrieval.settings import Settings
from retrieval.storage import file_names
from retrieval.types import RgbImage

SIDE, FRAME = 120, (240, 320)
KIND = [1.0, 0, 0, 0]


def thing(seed: int) -> RgbImage:
    """Something with a pattern and colours of its own."""
    rng = np.random.default_rng(seed)
    noise = cv2.GaussianBlur(rng.random((SIDE, SIDE)).astype(np.float32), (0, 0), 1.5)
    noise = (noise - noise.min()) / np.ptp(noise)
    one, other = (255 * np.array(hsv_to_rgb(seed * 0.37 % 1, 0.9, value)) for value in (0.3, 1.0))
    return np.asarray(one + noise[..., None] * (other - one), np.uint8)


def scene(seed: int, angle: float, place: tuple[int, int] = (160, 120)) -> tuple[RgbImage, np.ndarray]:
    """The thing turned on a plain ground, and its mask."""
    turn = cv2.getRotationMatrix2D((SIDE / 2, SIDE / 2), angle, 1)
    turn[:, 2] += np.array(place) - SIDE / 2
    picture = np.full((*FRAME, 3), 200, np.uint8)
    there = cv2.warpAffine(thing(seed), turn, FRAME[::-1])
    mask = cv2.warpAffine(np.full((SIDE, SIDE), 255, np.uint8), turn, FRAME[::-1]) > 127
    picture[mask] = there[mask]
    return picture, mask


class Shop:
    """A library of things of one kind, all with nearly one vector, with previews."""

    def __init__(self, toys: ToyLibrary) -> None:
        self.toys, self.settings = toys, Settings.in_data_dir(toys.folder)
        self.uploaded: dict[str, RgbImage] = {}

    def add(self, seed: int, angle: float, likeness: float = 1.0) -> int:
        picture, mask = scene(seed, angle)
        vector = [likeness, float(np.sqrt(1 - likeness**2)), 0, 0]
        image_id = self.toys.add(analysis([vector, [0, 0, 1, 0]], np.stack([mask, ~mask])), size_hw=FRAME)
        self.write(self.preview(image_id), picture)
        return image_id

    def preview(self, image_id: int) -> Path:
        return self.settings.files_dir / file_names.preview(self.toys.catalog.images.get(image_id).sha256)

    @staticmethod
    def write(path: Path, picture: RgbImage) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture).save(path, "JPEG", quality=90)

    def segment(self, image_id: int) -> int:
        return self.toys.segment_ids(image_id)[0]

    def engine(self) -> SearchEngine:
        def query_picture(sha256: str) -> RgbImage:
            if sha256 not in self.uploaded:
                raise UnreadableImageError("gone")
            return self.uploaded[sha256]

        verifier = ObjectVerifier(
            catalog=self.toys.catalog,
            queries=self.toys.queries,
            preview=lambda sha256: (self.settings.files_dir / file_names.preview(sha256)).open("rb"),
            query_picture=query_picture,
        )
        return replace(self.toys.engine(), verifier=verifier)


@pytest.fixture
def shop(toys: ToyLibrary) -> Iterator[Shop]:
    yield Shop(toys)


def asked(*refs: Ref, **more: object) -> SearchRequest:
    return SearchRequest(positive=refs, match="same", **more)  # type: ignore[arg-type]


def test_the_same_thing_comes_before_what_is_more_like_it_in_kind(shop: Shop) -> None:
    sought = shop.add(1, 0)
    others = [shop.add(seed, 10 * seed, likeness=0.9) for seed in range(2, 6)]
    again = shop.add(1, 40, likeness=0.8)
    by_kind = shop.engine().search(SearchRequest(positive=(Ref(segment=shop.segment(sought)),)))
    assert [each.image_id for each in by_kind.results][-1] == again
    answer = shop.engine().search(asked(Ref(segment=shop.segment(sought))))
    first, *rest = answer.results
    assert (first.image_id, first.likely, first.certainty) == (again, True, "sure")
    assert {each.image_id for each in rest} == set(others)
    assert not any(each.likely for each in rest)
    assert first.evidence is not None
    assert first.evidence.features > 20
    assert first.evidence.likeness == pytest.approx(first.score) == pytest.approx(0.8, abs=1e-3)
    chances = [each.probability or 0 for each in answer.results]
    assert chances == sorted(chances, reverse=True)


def test_a_library_with_nothing_else(shop: Shop) -> None:
    sought = shop.add(1, 0)
    assert shop.engine().search(asked(Ref(segment=shop.segment(sought)))).results == ()


def test_nothing_is_the_same(shop: Shop) -> None:
    sought = shop.add(1, 0)
    shop.add(2, 0, likeness=0.6)
    answer = shop.engine().search(asked(Ref(segment=shop.segment(sought))))
    assert answer.none_likely
    assert [each.certainty for each in answer.results] == ["weak"]


def test_of_a_photo_the_segment_that_is_the_thing_is_told(shop: Shop) -> None:
    """The first stage takes a part that is more like the example, the second the thing itself."""
    sought = shop.add(1, 0)
    picture, mask = scene(1, 30)
    part = np.zeros(FRAME, bool)
    part[:40, :40] = True
    image_id = shop.toys.add(analysis([KIND, [0.9, float(np.sqrt(0.19)), 0, 0]], np.stack([part, mask])), size_hw=FRAME)
    shop.write(shop.preview(image_id), picture)
    (match,) = shop.engine().search(asked(Ref(segment=shop.segment(sought)))).results
    assert match.segment_id == shop.toys.segment_ids(image_id)[1]
    x0, y0, x1, y1 = match.box_xyxy
    rows, columns = np.nonzero(mask)
    assert (x0, y0, x1, y1) == (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)


def test_filters_on_segments_keep_the_first_stages_segment(shop: Shop) -> None:
    sought, _ = shop.add(1, 0), shop.add(1, 30)
    largest = Filters(min_area=0.4)
    answer = shop.engine().search(asked(Ref(segment=shop.segment(sought)), filters=largest))
    assert all(each.segment_id == shop.toys.segment_ids(each.image_id)[1] for each in answer.results)


def test_a_query_photo_is_compared_too(shop: Shop) -> None:
    again = shop.add(7, 45, likeness=0.9)
    shop.add(8, 0)
    picture, mask = scene(7, 0)
    shop.uploaded["a" * 64] = picture
    query = shop.toys.queries.add("a" * 64, FRAME, analysis([KIND], mask[None]), shop.toys.recipe)
    answer = shop.engine().search(asked(Ref(query=query, segment=0)))
    assert [each.image_id for each in answer.results if each.likely] == [again]
    shop.uploaded.clear()
    with pytest.raises(QueryError, match=f"query photo {query} cannot be read"):
        shop.engine().search(asked(Ref(query=query, segment=0)))


def test_photos_without_a_picture_come_last_and_are_kept(shop: Shop) -> None:
    sought, broken, gone, again = (shop.add(1, angle) for angle in (0, 10, 20, 30))
    shop.preview(broken).write_bytes(b"no JPEG")
    shop.preview(gone).unlink()
    results = shop.engine().search(asked(Ref(segment=shop.segment(sought)))).results
    assert results[0].image_id == again
    assert {each.image_id for each in results[1:]} == {broken, gone}
    assert {(each.probability, each.evidence, each.likely) for each in results[1:]} == {(None, None, False)}
    shop.preview(sought).unlink()
    with pytest.raises(QueryError, match=f"the picture of photo {sought} cannot be read.*verify"):
        shop.engine().search(asked(Ref(segment=shop.segment(sought))))


def test_limits_segments_and_facets(shop: Shop) -> None:
    sought = shop.add(1, 0)
    same = [shop.add(1, angle) for angle in (20, 40)]
    for seed in (2, 3, 4):
        shop.add(seed, 0)
    engine, ref = shop.engine(), Ref(segment=shop.segment(sought))
    assert {each.image_id for each in engine.search(asked(ref, limit=2)).results} == set(same)
    segments = engine.search(asked(ref, limit=4, group_by="segment"))
    assert {each.image_id for each in segments.results[:2]} == set(same)
    counted = engine.search(asked(ref, facets=True))
    assert counted.facets_of == len(counted.results) == 5
    assert engine.facets(asked(ref)).facets == counted.facets


def test_more_than_is_compared(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("retrieval.search.same_object.CHECKED", 2)
    sought = shop.add(1, 0)
    for seed in range(2, 7):
        shop.add(seed, 0, likeness=1 - seed / 20)
    results = shop.engine().search(asked(Ref(segment=shop.segment(sought)), limit=4)).results
    assert [each.evidence is not None for each in results] == [True, True, False, False]


@pytest.mark.parametrize(
    "request_of",
    [
        lambda: SearchRequest(text="dog", match="same"),
        lambda: asked(Ref(image=1)),
        lambda: asked(Ref(segment=1), text="dog"),
        lambda: asked(Ref(segment=1), also=(Clause(text="dog"),)),
    ],
)
def test_what_cannot_be_asked(request_of: object) -> None:
    with pytest.raises(QueryError, match="the very object is found by examples of it alone"):
        request_of()  # type: ignore[operator]


def test_it_is_not_refined_and_needs_pictures(shop: Shop) -> None:
    sought = shop.add(1, 0)
    request = asked(Ref(segment=shop.segment(sought)))
    with pytest.raises(QueryError, match="the very object cannot be refined"):
        shop.engine().refine(request, [], [])
    with pytest.raises(QueryError, match="pictures cannot be compared"):
        shop.toys.engine().search(request)


def test_appearances_that_were_looked_at_are_kept(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    sought, again = shop.add(1, 0), shop.add(1, 30)
    engine, request = shop.engine(), asked(Ref(segment=shop.segment(sought)))
    first = engine.search(request).results
    shop.preview(again).unlink()
    assert engine.search(request).results == first


def test_the_oldest_appearance_goes() -> None:
    kept, seen = KeptAppearances(2), Appearance.of(*scene(1, 0))
    assert seen is not None
    for key in (1, 2):
        kept.put(key, seen)
    assert kept.get(1) is seen
    kept.put(3, seen)
    assert [kept.get(key) is not None for key in (1, 2, 3)] == [True, False, True]
    assert KEPT >= 200


def test_probability_rises_with_all_that_is_compared() -> None:
    least = probability(ObjectEvidence(0.5, 0.5, 0))
    for better in (ObjectEvidence(0.8, 0.5, 0), ObjectEvidence(0.5, 0.9, 0), ObjectEvidence(0.5, 0.5, 30)):
        assert least < probability(better) < 1
    assert probability(ObjectEvidence(0.5, 0.5, 3)) == least  # so many agree by chance


def test_an_empty_mask_and_a_plain_thing() -> None:
    picture, mask = scene(1, 0)
    assert Appearance.of(picture, np.zeros_like(mask)) is None
    plain = Appearance.of(np.full_like(picture, 80), mask)
    seen = Appearance.of(picture, mask)
    assert plain is not None
    assert seen is not None
    assert (plain.agreeing(seen), len(plain.features)) == (0, 0)
    assert plain.color_likeness(plain) == pytest.approx(1, abs=1e-2)
    assert plain.color_likeness(seen) < 0.5
