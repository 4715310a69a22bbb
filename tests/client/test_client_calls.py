"""Calls of the client against a server, waiting and with asyncio."""

from __future__ import annotations

import inspect
import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from segsearch.client import Client, Filters, Reference, Search, Thing, ThingsSearch, View

pytestmark = pytest.mark.slow


def opened(content: bytes) -> Image.Image:
    return Image.open(io.BytesIO(content))


def test_photos_and_their_segments(either, served) -> None:
    photos = either.ask(served.url, lambda client: client.photos.all())
    assert [photo.id for photo in photos] == [1, 2, 3, 4, 5, 6]
    assert {photo.state for photo in photos} == {"indexed"}
    whole = either.ask(served.url, lambda client: client.photos.get(2))
    assert len(whole.segments) == whole.segment_count == 25
    one = whole.segments[0]
    mask = one.mask.array()
    assert mask.dtype == bool
    assert mask.shape == one.mask.size
    covers = mask.mean() * whole.width * whole.height
    assert covers == pytest.approx(one.area, rel=0.05)


def test_each_thing_of_a_photo(either, served) -> None:
    photo = either.ask(served.url, lambda client: client.photos.get(1))
    asked = ThingsSearch(image=1, most=2, limit=3, filters=Filters(recipe="another"))
    found = either.ask(served.url, lambda client: client.searches.find_things(asked))
    assert [each.segment for each in found.things] == list(photo.things[:2])
    assert [each.answer.results for each in found.things] == [(), ()]
    found = either.ask(
        served.url, lambda client: client.searches.find_things(ThingsSearch(image=1, limit=3, masks="rle"))
    )
    assert [each.segment for each in found.things] == list(photo.things)
    assert (found.whole, found.note) == (None, None)
    assert {len(each.answer.results) for each in found.things} == {3}
    assert found.things[0].answer.results[0].mask.array().any()


def test_photos_that_share_most_things(either, served) -> None:
    asked = Search(positive=[Reference(image=1)], compare="things", limit=2)
    found = either.ask(served.url, lambda client: client.searches.find(asked))
    assert found.compared == "things"
    assert len(found.results) == 2
    assert {part.part for part in found.results[0].matched} <= set(range(len(found.parts)))


def test_pages_are_asked_for_as_they_are_wanted(served, monkeypatch) -> None:
    monkeypatch.setattr("segsearch.client.photos.PAGE", 2)
    with Client(served.url) as client:
        asked = []
        send = client._connection._http.stream
        monkeypatch.setattr(
            client._connection._http, "stream", lambda **told: asked.append(told["params"]) or send(**told)
        )
        photos = client.photos.all()
        assert asked == []
        assert [next(photos).id, next(photos).id] == [1, 2]
        assert len(asked) == 1
        assert [photo.id for photo in photos] == [3, 4, 5, 6]
        assert [each.get("after") for each in asked] == [None, "2", "4"]


def test_pictures(either, served) -> None:
    photo = either.ask(served.url, lambda client: client.photos.get(1))
    segment = photo.segments[0]
    x0, y0, x1, y1 = segment.box_xyxy
    cutout = opened(either.ask(served.url, lambda client: client.segments.cutout(segment.id)))
    assert cutout.mode == "RGBA"
    assert cutout.size == (x1 - x0, y1 - y0)
    mask = opened(either.ask(served.url, lambda client: client.segments.mask(segment.id)))
    assert mask.size == (photo.width, photo.height)
    assert np.count_nonzero(np.asarray(mask)) == pytest.approx(segment.area, rel=0.05)
    small = opened(either.ask(served.url, lambda client: client.segments.mask(segment.id, frame="analysed")))
    assert small.size == segment.mask.size[::-1]
    for asked in ("preview", "thumbnail"):
        assert opened(either.ask(served.url, lambda client: getattr(client.photos, asked)(1))).format == "JPEG"
    assert either.ask(served.url, lambda client: client.photos.file(1)) == served.library.paths[0].read_bytes()
    assert opened(either.ask(served.url, lambda client: client.segments.crop(segment.id))).format == "JPEG"


def test_searches(either, served) -> None:
    segment = either.ask(served.url, lambda client: client.photos.get(1)).segments[3].id
    found = either.ask(
        served.url, lambda client: client.searches.find(Search(positive=[segment], limit=3, masks="rle"))
    )
    assert len(found.results) == 3
    assert all(result.mask.array().any() for result in found.results)
    assert 1 not in {result.image_id for result in found.results}
    assert found.used[0].segment.id == segment
    narrow = Search(
        positive=[Reference(image=1, point=(10, 10))],
        filters=Filters(max_area=0.5, folder=str(served.library.photos)),
        also=[Thing(positive=[segment + 1])],
        group_by="image",
        facets=True,
    )
    counted = either.ask(served.url, lambda client: client.searches.find(narrow))
    assert counted.facets is not None
    assert len(counted.results[0].matched) == 2
    assert either.ask(served.url, lambda client: client.searches.facets(narrow)).facets_of == counted.facets_of
    nothing = Search(positive=[segment], filters=Filters(folder="/elsewhere"))
    assert either.ask(served.url, lambda client: client.searches.find(nothing)).results == ()
    assert either.ask(served.url, lambda client: client.searches.words("do")) is not None


def test_masks_in_each_form_and_frame(either, served) -> None:
    runs = either.ask(served.url, lambda client: client.photos.get(1)).segments
    corners = either.ask(served.url, lambda client: client.photos.get(1, masks="polygons")).segments
    assert all(np.array_equal(one.mask.array(), other.mask.array()) for one, other in zip(runs, corners, strict=True))
    assert corners[0].mask.counts is None
    photo = either.ask(served.url, lambda client: client.photos.get(1, masks="rle", mask_frame="original"))
    assert photo.segments[0].mask.array().shape == (photo.height, photo.width)
    assert either.ask(served.url, lambda client: client.photos.get(1, masks="none")).segments[0].mask is None


def test_many_at_once(either, served) -> None:
    photos = either.ask(served.url, lambda client: client.photos.many([3, 99, 1]))
    assert [photo.id for photo in photos.items] == [3, 1]
    assert photos.missing == (99,)
    segments = either.ask(served.url, lambda client: client.segments.many([30, 5, 9999], masks="none", vectors=True))
    assert [(each.id, each.image_id) for each in segments.segments] == [(30, 2), (5, 1)]
    assert np.linalg.norm(segments.segments[0].vector.values) == pytest.approx(1, abs=1e-3)
    assert either.ask(served.url, lambda client: client.segments.get(5)).image_id == 1
    asked = [Search(positive=[5], limit=2), Search(positive=[9999])]
    answers = either.ask(served.url, lambda client: client.searches.find_many(asked))
    assert len(answers[0].answer.results) == 2
    assert (answers[0].error, answers[1].answer, answers[1].error.status) == (None, None, 404)


def test_a_photo_to_search_with(either, served) -> None:
    path = served.library.paths[2]
    for photo in (path, path.read_bytes()):
        query = either.ask(served.url, lambda client, photo=photo: client.queries.upload(photo))
        assert len(query.segments) == 25
    assert either.ask(served.url, lambda client: client.queries.get(query.id)) == query
    either.ask(served.url, lambda client: client.queries.keep(query.id))
    assert opened(either.ask(served.url, lambda client: client.queries.preview(query.id))).format == "JPEG"
    levels = either.ask(served.url, lambda client: client.queries.levels(query.id, 20, 20))
    assert levels[0].level == 0
    whole = Search(positive=[Reference(query=query.id, segment=0)])
    assert either.ask(served.url, lambda client: client.searches.find(whole)).results[0].image_id == 3
    picked = either.ask(served.url, lambda client: client.segments.pick(Reference(query=query.id, point=(20, 20))))
    assert picked.segment == levels[0].segment
    assert either.ask(served.url, lambda client: client.photos.levels(1, 20, 20))[0].area > 0


def test_rounds_and_concepts(either, served) -> None:
    segments = [
        either.ask(served.url, lambda client, key=key: client.photos.get(key)).segments[0].id for key in (1, 2, 3)
    ]
    begun = either.ask(served.url, lambda client: client.feedback.begin(Search(positive=segments[:1])))
    judged = either.ask(
        served.url, lambda client: client.feedback.judge(begun.id, relevant=segments[:2], irrelevant=segments[2:])
    )
    assert (begun.round, judged.round) == (0, 1)
    assert judged.relevant == tuple(segments[:2])
    concept = either.ask(served.url, lambda client: client.concepts.create("grey wall", feedback=begun.id))
    assert concept.positive
    assert either.ask(served.url, lambda client: client.feedback.undo(begun.id)).round == 0
    assert either.ask(served.url, lambda client: client.feedback.get(begun.id, round=0)).rounds == 0
    changed = either.ask(
        served.url, lambda client: client.concepts.change(concept.id, name="wall", positive=segments[2:])
    )
    assert (changed.name, changed.id) == ("wall", concept.id)
    assert [each.name for each in either.ask(served.url, lambda client: client.concepts.all())] == ["wall"]
    assert either.ask(served.url, lambda client: client.concepts.get(concept.id)).name == "wall"
    assert either.ask(served.url, lambda client: client.concepts.photos(concept.id, limit=2)).photos
    kept = either.ask(served.url, lambda client: client.concepts.exported())
    either.ask(served.url, lambda client: client.concepts.delete(concept.id))
    (again,) = either.ask(served.url, lambda client: client.concepts.add_exported(kept))
    other = either.ask(served.url, lambda client: client.concepts.create("floor", positive=segments))
    assert either.ask(served.url, lambda client: client.concepts.merge([again, other.id], "both")).name == "both"
    (folder,) = either.ask(served.url, lambda client: client.concepts.folders())
    assert (folder.name, folder.photos) == ("photos", 6)
    (learnt,) = either.ask(served.url, lambda client: client.concepts.learn({"a tag": [1, 2]}))
    assert learnt.name == "a tag"


def test_tags_and_the_trash(either, served) -> None:
    assert either.ask(served.url, lambda client: client.photos.tag([1, 2], add=["holiday"])) == 2
    assert [(each.name, each.photos) for each in either.ask(served.url, lambda client: client.photos.tags())] == [
        ("holiday", 2)
    ]
    assert either.ask(served.url, lambda client: client.photos.get(1)).tags == ("holiday",)
    either.ask(served.url, lambda client: client.photos.delete(1))
    assert either.ask(served.url, lambda client: client.photos.delete_many([1, 2, 3])) == 2
    assert either.ask(served.url, lambda client: client.installation.status()).counts.total == 3
    assert either.ask(served.url, lambda client: client.photos.restore([1, 2])) == 2
    assert either.ask(served.url, lambda client: client.photos.resegment([1])) == 0


def test_the_timeline(either, served) -> None:
    (month,) = either.ask(served.url, lambda client: client.timeline.months())
    assert month.photos == 6
    ids = either.ask(served.url, lambda client: client.timeline.ids(View(order="oldest")))
    assert sorted(ids) == [1, 2, 3, 4, 5, 6]
    assert [
        photo.id for photo in either.ask(served.url, lambda client: client.timeline.photos(month=month.month))
    ] == ids[::-1]
    around = either.ask(served.url, lambda client: client.timeline.around(ids[2], View(order="oldest"), count=2))
    assert [photo.id for photo in around.before + around.after] == ids[:2] + ids[3:5]
    assert either.ask(served.url, lambda client: client.timeline.facets()).folders[0].name == "photos"


def test_the_installation(either, served) -> None:
    status = either.ask(served.url, lambda client: client.installation.status())
    assert (status.counts.indexed, status.segments, status.lag) == (6, 150, 0)
    health = either.ask(served.url, lambda client: client.installation.health())
    assert health.recipe == "grid"
    assert health.disk.free > 0
    assert either.ask(served.url, lambda client: client.installation.pause()) is True
    assert either.ask(served.url, lambda client: client.installation.resume()) is False
    entered = either.ask(served.url, lambda client: client.photos.upload(_png(), name="späßig.png", folder="Ferien/1"))
    assert entered.is_new
    assert either.ask(served.url, lambda client: client.photos.get(entered.id)).filename == "späßig.png"
    assert either.ask(served.url, lambda client: client.installation.intake()).pending == 1
    assert either.ask(served.url, lambda client: client.installation.retry_failed()) == 0
    assert either.ask(served.url, lambda client: client.installation.cancel()) == 1
    update = either.ask(served.url, lambda client: client.clusters.update())
    assert update.waiting >= 0
    assert either.ask(served.url, lambda client: client.clusters.all()) is not None


def test_exports_and_downloads(either, served, tmp_path: Path) -> None:
    target = tmp_path / "coco.json"
    assert either.ask(served.url, lambda client: client.photos.export(target, photos=[1, 2])) == target
    assert len(json.loads(target.read_text())["images"]) == 2
    either.ask(served.url, lambda client: client.photos.export(target, format="csv"))
    assert target.read_text().count("\n") > 150
    zipped = either.ask(served.url, lambda client: client.photos.download(tmp_path / "photos.zip", [1, 3]))
    assert zipped.read_bytes()[:2] == b"PK"
    assert {path.name for path in tmp_path.iterdir()} >= {"coco.json", "photos.zip"}
    assert not list(tmp_path.glob(".*.part"))


def test_with_name_and_password(either, served) -> None:
    served.tokens()
    signed_in = {"user": "editor", "password": "correct horse battery"}
    assert either.ask(served.url, lambda client: client.installation.account(), **signed_in).role == "editor"
    assert either.ask(served.url, lambda client: client.photos.tag([1], add=["mine"]), **signed_in) == 1


def test_both_have_the_same_calls_with_the_same_words() -> None:
    from segsearch.client import calls, naming, photos

    for group in (photos.Photos, naming.Concepts):
        for name, each in vars(group).items():
            if isinstance(each, calls.Described):
                assert each.__doc__, name
                assert inspect.getdoc(getattr(group(None), name)) == inspect.cleandoc(each.__doc__)


def _png() -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (64, 48), "teal").save(buffer, "PNG")
    return buffer.getvalue()
