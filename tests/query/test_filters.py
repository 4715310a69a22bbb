"""Conditions on results: what passes them, that a narrow one loses nothing, and how many results there are of a kind."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from toys import ToyLibrary, analysis, random_units

from retrieval.catalog import SegmentRepository
from retrieval.catalog.records import ConceptModel
from retrieval.errors import QueryError
from retrieval.images.colors import COLORS
from retrieval.query.filters import Facet, Filters
from retrieval.query.request import Clause, GroupBy, Ref, SearchRequest
from retrieval.search import faceting, scope
from retrieval.search.answer import SearchAnswer
from retrieval.storage.locations import SeenFile, uri_of
from retrieval.text.vocabulary import Vocabulary
from retrieval.types import AnalyzedImage

X, Y, Z, W = (tuple(row) for row in np.eye(4).tolist())


def add(toys: ToyLibrary, path: str, taken: datetime | None = None, **found: Any) -> int:
    """A photo at a path, with three strips."""
    seen = SeenFile(uri_of(Path(path)), f"{abs(hash(path)):064}"[:64], 1, 1)
    image_id = toys.catalog.locations.register([seen])[0].image_id
    toys.ingest_queue.claim("toys", 1000)
    entry = AnalyzedImage(
        format="PNG",
        size_hw=(80, 400),
        taken_at=taken,
        analysis=analysis(found.pop("vectors", [X, Y, Z]), **found),
    )
    toys.ingest_queue.finish("toys", {image_id: entry}, found.pop("recipe", "") or toys.recipe)
    return image_id


@pytest.fixture
def query(toys: ToyLibrary) -> Ref:
    return Ref(segment=toys.segment_ids(toys.add(analysis([X])))[0])


def search(toys: ToyLibrary, query: Ref, *, group_by: str = "image", facets: bool = False, **kept: Any) -> SearchAnswer:
    request = SearchRequest(positive=(query,), filters=Filters(**kept), group_by=group_by, facets=facets)  # type: ignore[arg-type]
    return toys.engine().search(request)


def images_of(answer: SearchAnswer) -> set[int]:
    return {match.image_id for match in answer.results}


class TestPhotos:
    def test_folders_hold_what_is_below(self, toys: ToyLibrary, query: Ref) -> None:
        inside, below, beside = (add(toys, f"/p/{name}.png") for name in ("a b/1", "a b/c/2", "a b2/3"))
        odd = add(toys, "/p/100%_é/4.png")
        assert images_of(search(toys, query, folder="/p/a b")) == {inside, below}
        assert images_of(search(toys, query, folder="/p/a b/c/")) == {below}
        assert images_of(search(toys, query, folder="/p/100%_é")) == {odd}
        assert images_of(search(toys, query, folder="/p/a")) == set()
        assert {inside, below, beside, odd} <= images_of(search(toys, query, folder="/"))

    def test_days_are_whole(self, toys: ToyLibrary, query: Ref) -> None:
        times = [datetime(2024, 5, 1, 0, 0), datetime(2024, 5, 2, 23, 59), datetime(2025, 1, 1, 8), None]
        first, second, third, _ = (add(toys, f"/p/{row}.png", taken) for row, taken in enumerate(times))
        assert images_of(search(toys, query, taken_from=date(2024, 5, 1), taken_until=date(2024, 5, 2))) == {
            first,
            second,
        }
        assert images_of(search(toys, query, taken_from=date(2024, 5, 2))) == {second, third}
        assert images_of(search(toys, query, taken_until=date(2024, 5, 1))) == {first}
        assert images_of(search(toys, query, taken_from=date.min, taken_until=date.max)) == {first, second, third}

    def test_whole_photos_are_narrowed_too(self, toys: ToyLibrary, query: Ref) -> None:
        kept, _ = add(toys, "/p/a/1.png"), add(toys, "/p/b/2.png")
        assert images_of(search(toys, Ref(image=1), folder="/p/a")) == {kept}
        with pytest.raises(QueryError, match="whole photos have no label, position"):
            search(toys, Ref(image=1), label="dog", position="left")


class TestSegments:
    def test_labels_areas_and_quality(self, toys: ToyLibrary, query: Ref) -> None:
        image = add(toys, "/p/1.png", labels=("dog", "cat", None), quality=[0.9, 0.5, 0.1])
        ids = toys.segment_ids(image)
        flat = {"group_by": "segment"}

        def found(**kept: Any) -> list[int | None]:
            return sorted(match.segment_id for match in search(toys, query, **flat, **kept).results if match.segment_id)

        assert found() == ids
        assert found(label="cat") == [ids[1]]
        assert found(label="cow") == []
        assert found(min_quality=0.5) == ids[:2]
        assert found(min_area=0.3, max_area=0.4) == ids
        assert found(max_area=0.3) == []

    @pytest.mark.parametrize(("position", "row"), [("left", 0), ("centre", 1), ("right", 2)])
    def test_positions_are_thirds(self, toys: ToyLibrary, query: Ref, position: str, row: int) -> None:
        ids = toys.segment_ids(add(toys, "/p/1.png"))
        (match,) = search(toys, query, position=position).results
        assert match.segment_id == ids[row]

    def test_concepts(self, toys: ToyLibrary, query: Ref) -> None:
        image = add(toys, "/p/1.png")
        engine = toys.engine()
        model = ConceptModel(
            space=toys.recipe, directions=np.array([Y], np.float32), threshold=0.9, query=None, positive=(), negative=()
        )
        concept = engine.concepts.add("upright", model)
        (match,) = search(toys, query, concept=concept).results
        assert match.segment_id == toys.segment_ids(image)[1]
        assert search(toys, query, concept=concept, position="right").results == ()

    def test_in_combinations(self, toys: ToyLibrary, query: Ref) -> None:
        add(toys, "/p/a/1.png")
        kept = add(toys, "/p/b/2.png")
        other = Ref(segment=toys.segment_ids(toys.add(analysis([Y])))[0])
        request = SearchRequest(positive=(query,), also=(Clause(positive=(other,)),), filters=Filters(folder="/p/b"))
        assert images_of(toys.engine().search(request)) == {kept}


@pytest.mark.parametrize("listed", [0, 10_000])
@pytest.mark.parametrize("group_by", ["image", "segment"])
@pytest.mark.slow
def test_a_narrow_filter_loses_nothing(
    toys: ToyLibrary, query: Ref, listed: int, group_by: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether what passes is listed or found among ever more neighbours."""
    monkeypatch.setattr(scope, "MAX_LISTED", listed)
    rng = np.random.default_rng(0)
    for number in range(60):
        near = 1.0 if number % 6 else -1.0  # those in folder b are the farthest from X
        rows = random_units(rng, 3, 4)
        rows[:, 0] = near * np.abs(rows[:, 0])
        add(toys, f"/p/{'a' if number % 6 else 'b'}/{number}.png", vectors=rows)
    everything = search(toys, query, group_by=group_by).results
    wanted = [match for match in everything if match.segment_id]
    found = SearchRequest(positive=(query,), filters=Filters(folder="/p/b"), limit=5, group_by=group_by)  # type: ignore[arg-type]
    results = toys.engine().search(found).results
    assert len(results) == 5
    rest = search(toys, query, group_by=group_by, folder="/p/b").results
    assert [match.segment_id for match in rest][:5] == [match.segment_id for match in results]
    assert {match.image_id for match in rest}.isdisjoint({match.image_id for match in wanted[:20]})
    assert [match.score for match in rest] == sorted((match.score for match in rest), reverse=True)


class TestFacets:
    def test_likely_results_are_counted(self, toys: ToyLibrary, query: Ref) -> None:
        for number in range(3):
            add(toys, f"/p/a/{number}.png", datetime(2024, 1, 1), labels=("dog", None, None))
        add(toys, "/p/b/9.png", labels=("cat", None, None))
        add(toys, "/p/b/10.png", vectors=[Y, Z, W], labels=("far", None, None))
        request = SearchRequest(positive=(query,), facets=True, limit=1)
        answer = toys.engine().search(request)
        assert len(answer.results) == 1
        assert answer.facets is not None
        assert answer.facets["folder"] == (Facet("/p/a", "/p/a", 3), Facet("/p/b", "/p/b", 1))
        assert answer.facets["label"] == (Facet("dog", "dog", 3), Facet("cat", "cat", 1))
        assert answer.facets["year"] == (Facet("2024", "2024", 3),)
        assert answer.facets["size"] == (Facet("large", "large", 4),)
        assert answer.facets["position"] == (Facet("left", "left", 4),)
        assert answer.facets["recipe"] == (Facet(toys.recipe, toys.recipe, 4),)
        assert answer.facets["concept"] == ()
        assert search(toys, query).facets is None

    def test_a_facet_is_how_many_a_filter_leaves(self, toys: ToyLibrary, query: Ref) -> None:
        rng = np.random.default_rng(1)
        for number in range(20):
            rows = np.abs(random_units(rng, 3, 4))
            add(toys, f"/p/{number % 3}/{number}.png", vectors=rows, labels=(f"kind {number % 4}", None, None))
        answer = search(toys, query, facets=True, group_by="segment")
        assert answer.facets is not None
        likely = [match for match in answer.results if match.likely]
        for facet in answer.facets["label"]:
            narrowed = search(toys, query, label=facet.value, group_by="segment")
            assert facet.count == sum(match.label == facet.value for match in likely)
            assert {match.segment_id for match in narrowed.results} >= {
                match.segment_id for match in likely if match.label == facet.value
            }

    @pytest.mark.parametrize("group_by", ["image", "segment"])
    def test_they_come_from_so_many_results_and_change_none(
        self, toys: ToyLibrary, query: Ref, group_by: GroupBy, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(faceting, "FACETED", 7)
        rng = np.random.default_rng(2)
        for number in range(20):
            add(toys, f"/p/{number}.png", vectors=np.abs(random_units(rng, 3, 4)), fallback=(X if number % 2 else None))
        plain = SearchRequest(positive=(query,), limit=3, group_by=group_by)
        with_facets = replace(plain, facets=True)
        answer = toys.engine().search(with_facets)
        assert answer.facets is not None
        assert answer.facets_of == 7
        assert sum(facet.count for facet in answer.facets["size"]) <= 7
        assert answer.results == toys.engine().search(plain).results
        assert len(answer.results) == 3
        apart = toys.engine().facets(plain)
        assert (apart.facets, apart.facets_of) == (answer.facets, 7)

    def test_what_is_not_likely_is_not_looked_for(self, toys: ToyLibrary, monkeypatch: pytest.MonkeyPatch) -> None:
        """Where the last result is not likely any more, all that facets count are among the results."""
        toys.words = np.tile(np.array(W, np.float32), (1000, 1))
        toys.words[list(Vocabulary.load().read("moped").understood[0].rows)] = X
        for number in range(5):
            add(toys, f"/p/{number}.png", vectors=[X if number < 2 else W])
        request = SearchRequest(text="moped", limit=3)
        engine, asked = toys.engine(), list[int]()
        real = SegmentRepository.hits
        monkeypatch.setattr(SegmentRepository, "hits", lambda self, ids: asked.append(len(ids)) or real(self, ids))
        counted = engine.facets(request)
        assert counted.facets_of == 3
        assert sum(facet.count for facet in counted.facets["folder"]) == 2
        assert asked == [3]
        assert engine.facets(replace(request, limit=2)).facets_of == 5

    def test_a_colour_is_looked_for_no_deeper(self, toys: ToyLibrary, monkeypatch: pytest.MonkeyPatch) -> None:
        """Those that are looked at are ordered anew by the colour: more of them would be another order."""
        vocabulary = Vocabulary.load()
        toys.words = np.tile(np.array(W, np.float32), (1000, 1))
        toys.words[list(vocabulary.read("moped").understood[0].rows)] = X
        rng = np.random.default_rng(3)
        for _ in range(60):
            shares = np.zeros((3, len(COLORS)), np.uint8)
            shares[:, COLORS.index("red")] = rng.integers(0, 256, 3)
            toys.add(analysis(np.abs(random_units(rng, 3, 4)), colors=shares))
        asked = list[int]()
        real = toys.catalog.segments.colors
        monkeypatch.setattr(toys.catalog.segments, "colors", lambda ids: asked.append(len(ids)) or real(ids))
        plain = SearchRequest(text="red moped", limit=2)
        results = toys.engine().search(plain).results
        answer = toys.engine().search(replace(plain, facets=True))
        assert answer.results == results
        assert asked == [24, 24]
        assert answer.facets_of is not None
        assert 2 < answer.facets_of <= 24

    def test_of_nothing(self, toys: ToyLibrary, query: Ref) -> None:
        answer = search(toys, query, facets=True)
        assert answer.facets is not None
        assert not any(answer.facets.values())


@pytest.mark.parametrize(
    ("kept", "fault"),
    [
        ({"folder": "photos"}, "not an absolute path"),
        ({"min_area": 0.5, "max_area": 0.5}, "min_area the smaller one"),
        ({"max_area": 1.5}, "shares of a photo"),
        ({"min_quality": 2}, "it must be from 0 to 1"),
        ({"position": "middle"}, "there are left, right"),
        ({"taken_from": date(2025, 1, 2), "taken_until": date(2025, 1, 1)}, "is after taken_until"),
    ],
)
def test_what_nothing_can_meet(kept: dict[str, Any], fault: str) -> None:
    with pytest.raises(QueryError, match=fault):
        Filters(**kept)
