"""Fitting what is made of points, on a drawn picture."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from drawn_regions import BODY, HEAD, OTHER, SIZE, drawn, drawn_regions, overlap
from pycocotools import mask as coco
from toys import segment_record

from retrieval.evaluation.datasets import AnnotatedObject, AnnotatedPhoto
from retrieval.query.prompt import Prompt
from retrieval.recipes.lite import POINTS
from retrieval.segment.point_measures import POINT_MEASURES
from retrieval.segment.prompting import SuperpixelClassifier
from training.fit_points import CLICKS, Photo, collect, corrections, with_point
from training.fit_prompts import fit

THING = drawn(BODY, HEAD)


@pytest.fixture(scope="module")
def photo() -> Photo:
    """The picture, whose segments are the body of the first thing, and all that is drawn."""
    run = coco.encode(np.asfortranarray(THING, np.uint8))
    segments = [
        segment_record(drawn(BODY), quality=0.9),
        segment_record(drawn(BODY, HEAD, OTHER), quality=0.1),
    ]
    annotated = AnnotatedPhoto(Path("none.png"), (AnnotatedObject("thing", run),))
    return Photo(annotated, (SIZE, SIZE), drawn_regions(), segments)


def test_the_second_click_is_on_what_the_first_missed(photo: Photo) -> None:
    (second,) = corrections(photo, THING, None)
    assert overlap(second.correction.begun, drawn(BODY)) == 1
    assert (second.truth == THING).all()
    (_, (x, y)), not_points = second.correction.points, second.correction.not_points
    assert drawn(HEAD)[int(y), int(x)]
    assert not_points == ()


def test_further_clicks_correct_what_is_made(photo: Photo) -> None:
    found = list(corrections(photo, THING, SuperpixelClassifier.load(POINTS, POINT_MEASURES)))
    assert 1 <= len(found) < CLICKS
    counts = [len(each.correction.points) + len(each.correction.not_points) for each in found]
    assert counts == list(range(2, 2 + len(found)))
    assert all((each.correction.begun == found[0].correction.begun).all() for each in found)


def test_what_is_learned(photo: Photo) -> None:
    marked = collect({3: photo}, np.zeros(4, np.int64), None, seed=0)
    assert marked.measures.shape == (len(marked.targets), POINT_MEASURES)
    assert set(marked.photos.tolist()) == {3}
    assert marked.targets.min() < 0.02
    assert marked.targets.max() == pytest.approx(1)
    assert (marked.weights > 0).all()
    told = fit(marked, epochs=60, seed=0)(marked.measures)
    assert np.average(np.abs(told - marked.targets), weights=marked.weights) < 0.2


def test_a_point_more() -> None:
    one = Prompt(points=((1.0, 2.0),))
    assert with_point(one, (3.0, 4.0), True).points == ((1.0, 2.0), (3.0, 4.0))
    assert with_point(one, (3.0, 4.0), False) == Prompt(points=((1.0, 2.0),), not_points=((3.0, 4.0),))
