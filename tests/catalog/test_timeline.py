"""The timeline: months and pages in every order."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import datetime
from pathlib import Path

import pytest
from databases import fetched
from sqlalchemy import text
from toys import ToyLibrary, analysis

from retrieval.catalog.records import ORDERS, Order, View
from retrieval.errors import QueryError
from retrieval.storage.locations import SeenFile, uri_of
from retrieval.types import AnalyzedImage

# id: taken, added, state, width, height, path
PHOTOS = {
    1: ("2019-07-01 12:00:00.000000", "2024-03-01 00:00:00.000000", "indexed", 400, 200, "/a/Alps 1/one.jpg"),
    2: (None, "2024-03-02 00:00:00.000000", "pending", None, None, "/a/two.jpg"),
    3: ("2019-07-31 23:59:59.999999", "2024-03-03 00:00:00.000000", "empty", 200, 200, "/b/Alps 1/three.jpg"),
    4: ("2024-04-30 08:00:00.000000", "2024-04-01 00:00:00.000000", "working", 300, 200, "/Alps 1/deeper/four.jpg"),
    5: ("2019-07-31 23:59:59.999999", "2024-04-02 00:00:00.000000", "failed", None, None, "/a/alps 1/five.jpg"),
    6: ("9999-12-31 23:00:00.000000", "2024-04-03 00:00:00.000000", "indexed", 100, 100, "/a/Alps 10/six.jpg"),
}


@pytest.fixture
def toys(toys: ToyLibrary) -> ToyLibrary:
    """A catalogue of `PHOTOS`."""
    seen = [SeenFile(uri_of(Path(row[-1])), f"{key:064x}", 1, 1) for key, row in PHOTOS.items()]
    toys.catalog.locations.register(seen)
    with toys.sessions.engine.begin() as connection:
        names = "taken_at", "created_at", "state", "width", "height"
        columns = ", ".join(f"{name} = :{name}" for name in names)
        for key, row in PHOTOS.items():
            values = {**dict(zip(names, row[:-1], strict=True)), "key": key}
            connection.execute(text(f"UPDATE image SET {columns} WHERE id = :key"), values)
        connection.execute(text("UPDATE image SET dated_at = coalesce(taken_at, created_at)"))
    return toys


@pytest.mark.parametrize(
    ("view", "ids"),
    [
        (View(), [6, 4, 2, 5, 3, 1]),
        (View(order="oldest"), [1, 3, 5, 2, 4, 6]),
        (View(order="added"), [6, 5, 4, 3, 2, 1]),
        (View(state="pending"), [4, 2]),
        (View(state="failed"), [5]),
        (View(folder="Alps 1"), [3, 1]),
        (View(folder="Alps 1", state="empty", order="oldest"), [3]),
        (View(folder="Alps"), []),
        (View(folder="Alps%201"), []),
        (View(folder=".*"), []),
    ],
)
def test_months_and_pages_agree(toys: ToyLibrary, view: View, ids: list[int]) -> None:
    timeline = toys.catalog.timeline
    assert timeline.ids(view) == ids
    assert [photo.id for photo in timeline.page(view)] == ids
    assert [key for skip in range(0, 6, 2) for key in timeline.ids(view, skip=skip, limit=2)] == ids
    months = timeline.months(view)
    by_month = [[photo.id for photo in timeline.page(view, month.name)] for month in months]
    assert [key for found in by_month for key in found] == ids
    assert [len(found) for found in by_month] == [month.photos for month in months]


def test_months_tell_the_shape_of_their_photos(toys: ToyLibrary) -> None:
    months = {month.name: month.aspect for month in toys.catalog.timeline.months(View())}
    assert list(months) == ["9999-12", "2024-04", "2024-03", "2019-07"]
    assert months["2019-07"] == pytest.approx((2 + 1 + 4 / 3) / 3)
    assert months["2024-03"] == pytest.approx(4 / 3)


def test_months_are_those_of_the_order(toys: ToyLibrary) -> None:
    names = {
        order: [month.name for month in toys.catalog.timeline.months(View(order=order))]
        for order in ("oldest", "added")
    }
    assert names == {"oldest": ["2019-07", "2024-03", "2024-04", "9999-12"], "added": ["2024-04", "2024-03"]}


def test_a_part_of_a_month(toys: ToyLibrary) -> None:
    page = toys.catalog.timeline.page(View(), "2019-07", skip=1, limit=1)
    assert [photo.id for photo in page] == [3]
    assert page[0].taken_at == datetime(2019, 7, 31, 23, 59, 59, 999999)  # cameras have no zone
    assert page[0].locations[0].path == Path("/b/Alps 1/three.jpg")


@pytest.mark.parametrize("order", ORDERS)
def test_neighbours(toys: ToyLibrary, order: Order) -> None:
    """As the pages of the view have them."""
    view = View(order=order)
    ids = toys.catalog.timeline.ids(view)
    for at, this in enumerate(ids):
        assert toys.catalog.timeline.neighbours(this, view) == (ids[max(0, at - 1) : at], ids[at + 1 : at + 2])
        assert toys.catalog.timeline.neighbours(this, view, 100) == (ids[:at], ids[at + 1 :])
        assert toys.catalog.timeline.lists(this, view)
    assert toys.catalog.timeline.neighbours(999) == ([], [])
    assert not toys.catalog.timeline.lists(999, view)


def test_neighbours_in_a_view(toys: ToyLibrary) -> None:
    """A photo that is not in it has neighbours there, too."""
    catalog = toys.catalog
    newest, *_, oldest = catalog.timeline.ids(View())
    failed = View(state="failed")
    assert catalog.timeline.ids(failed) == [5]
    assert catalog.timeline.neighbours(newest, failed) == ([], [5])
    assert catalog.timeline.neighbours(oldest, failed) == ([5], [])
    assert not catalog.timeline.lists(newest, failed)
    assert catalog.timeline.lists(5, failed)
    assert catalog.timeline.neighbours(5, failed) == ([], [])


@pytest.mark.parametrize("month", ["", "2019", "2019-13", "0000-01", "2019-07 ", "2019-07\n", "２０１９-07"])
def test_what_is_no_month_is_refused(toys: ToyLibrary, month: str) -> None:
    with pytest.raises(QueryError, match="write it as YYYY-MM"):
        toys.catalog.timeline.page(View(), month)


@pytest.mark.parametrize("folder", ["", "a/b", "/"])
def test_what_is_no_name_of_a_folder_is_refused(folder: str) -> None:
    with pytest.raises(QueryError, match="without slashes"):
        View(folder=folder)


@pytest.mark.sqlite("a plan of its planner")
def test_the_months_are_read_from_an_index(toys: ToyLibrary) -> None:
    """The rows hold vectors, and are a hundred times as large."""
    with closing(sqlite3.connect(toys.folder / "catalog.db")) as database:
        for column in ("dated_at", "created_at"):
            query = (
                f"SELECT strftime('%Y-%m', {column}) AS m, count(*), avg(1.0 * width / height) FROM image GROUP BY m"
            )
            plan = " ".join(row[-1] for row in database.execute(f"EXPLAIN QUERY PLAN {query}"))
            assert f"COVERING INDEX ix_image_{column}" in plan


def test_a_photo_is_dated_when_it_is_entered_and_when_it_is_analysed(toys: ToyLibrary) -> None:
    def dates() -> list[tuple[str, str, str]]:
        columns = "taken_at", "created_at", "dated_at"
        moments = ", ".join(f"substr(CAST({name} AS VARCHAR), 1, 19)" for name in columns)
        return fetched(toys.url, f"SELECT {moments} FROM image WHERE id > 6 ORDER BY id")

    toys.catalog.locations.register([SeenFile(uri_of(Path(f"/{n}.jpg")), f"{n:064x}", 1, 1) for n in (7, 8)])
    assert all(dated == created for _, created, dated in dates())
    toys.ingest_queue.claim("test", 10)
    taken = datetime(2001, 2, 3)  # cameras have no zone
    for key, moment in ((7, taken), (8, None)):
        photo = AnalyzedImage(format="JPEG", size_hw=(72, 96), taken_at=moment, analysis=analysis([[1, 0, 0, 0]]))
        toys.ingest_queue.finish("test", {key: photo}, "toy:1", "toy:1")
    (with_time, without) = dates()
    assert with_time[2] == with_time[0] == "2001-02-03 00:00:00"
    assert without[0] is None
    assert without[2] == without[1]
