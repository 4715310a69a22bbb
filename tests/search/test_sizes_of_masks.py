"""Imported segments may have masks of another size than the others of their photo."""

from __future__ import annotations

import numpy as np
import pytest
from toys import TOY, ToyLibrary, analysis, strips

from retrieval.catalog import ImportedSegments
from retrieval.images.masks import decode_mask, encode_mask, mask_iou, same_sized
from retrieval.query.prompt import Prompt
from retrieval.query.relations import Relation
from retrieval.query.request import Clause, Ref, SearchRequest
from retrieval.search.picking import best_fit, levels
from retrieval.search.point_editing import by_points

OWN, IMPORTED = (8, 40), (24, 120)


@pytest.fixture
def mixed(toys: ToyLibrary) -> ToyLibrary:
    """Photos of two strips each, and an imported segment that is the left half of the first strip."""
    for _ in range(2):
        image = toys.add(analysis([(1, 0, 0, 0), (0, 1, 0, 0)]))
        mask = np.zeros((1, *IMPORTED), bool)
        mask[0, :, :30] = True
        found = analysis([(0, 0, 1, 0)], mask, quality=[1.0], labels=("cow",))
        ImportedSegments(toys.sessions).add(image, found, (80, 400), TOY)
    return toys


def test_masks_are_brought_to_the_smallest_size() -> None:
    runs = [(OWN, encode_mask(strips(2)[0])), (IMPORTED, encode_mask(strips(2, IMPORTED)[0]))]
    assert [size for size, _ in same_sized(runs)] == [OWN, OWN]
    assert mask_iou(same_sized(runs), same_sized(runs)).tolist() == [[1, 1], [1, 1]]
    assert same_sized([]) == []
    assert same_sized(runs[:1]) == runs[:1]


def test_flat_results_and_relations(mixed: ToyLibrary) -> None:
    engine = mixed.engine()
    flat = engine.search(SearchRequest(positive=(Ref(segment=1),), group_by="segment", limit=10))
    assert len(flat.results) == 3
    both = SearchRequest(
        positive=(Ref(segment=3),), also=(Clause(positive=(Ref(segment=1),)),), relations=(Relation(0, "inside", 1),)
    )
    (match,) = engine.search(both).results
    assert match.relations[0] > 0.9
    touching = SearchRequest(
        positive=(Ref(segment=1),), also=(Clause(positive=(Ref(segment=2),)),), relations=(Relation(0, "touching", 1),)
    )
    assert engine.search(touching).results


def test_marks(mixed: ToyLibrary) -> None:
    segments = mixed.catalog.segments.of_image(1)
    assert [each.mask_size_hw for each in segments] == [OWN, OWN, IMPORTED]
    polygon = ((0.0, 0.0), (100.0, 0.0), (100.0, 80.0), (0.0, 80.0))
    assert best_fit(segments, (80, 400), Prompt(polygon=polygon)) == 2
    assert 2 in levels(segments, (80, 400), (50.0, 40.0))
    assert by_points(segments, (80, 400), Prompt(points=((50.0, 40.0),), not_points=((150.0, 40.0),))) == 2


def test_the_nearest_where_nothing_covers_the_point(toys: ToyLibrary) -> None:
    mask = np.zeros((1, *OWN), bool)
    mask[0, :, 30:] = True
    image = toys.add(analysis([(1, 0, 0, 0)], mask))
    mask = np.zeros((1, *IMPORTED), bool)
    mask[0, :, :30] = True
    ImportedSegments(toys.sessions).add(image, analysis([(0, 0, 1, 0)], mask), (80, 400), TOY)
    segments = toys.catalog.segments.of_image(image)
    assert levels(segments, (80, 400), (140.0, 40.0)) == [1]
    assert decode_mask(*same_sized([(segments[1].mask_size_hw, segments[1].mask_counts)])[0]).shape == IMPORTED
