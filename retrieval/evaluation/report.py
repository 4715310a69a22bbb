"""The evaluation as one self-contained HTML page: figures, bars by class, hits and misses."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment
from PIL import Image, ImageDraw

from ..assembly import Assembly
from ..images.masks import decode_mask
from .calibration import reliability
from .collection import Evaluation, Example, as_json
from .comparison import compared
from .figures import Figures, shown, side_by_side

SHOWN = 6
TILE = 150

PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>SegSearch evaluation</title>
<style>
:root { color-scheme: light dark } body { font: 15px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem }
table { border-collapse: collapse } td, th { padding: .15rem .8rem .15rem 0; text-align: left; vertical-align: middle }
td.n { text-align: right; font-variant-numeric: tabular-nums } .bar { height: .7rem; background: #2a78c8; border-radius: 2px }
.bar.whole { background: #b8862d; margin-top: 2px } .row { display: flex; gap: .5rem; overflow-x: auto; margin: .3rem 0 1.2rem }
figure { margin: 0 } figcaption { font-size: 12px } .right { outline: 3px solid #2e9e5b } .wrong { outline: 3px solid #cc4b4b }
.tone0 { background: #2a78c8 } .tone1 { background: #b8862d } .tone2 { background: #2e9e8f } .tone3 { background: #a04fb5 } .tone4 { background: #6f8a2b } .tone5 { background: #c1553b }
.bar + .bar { margin-top: 2px } .key { display: inline-block; width: .8rem; height: .8rem; border-radius: 2px; margin-left: 1rem }
</style>
<h1>Evaluation</h1>
{% if compared %}<table><tr><th>measure</th>{% for name in compared.names %}<th>{{ name }}</th>{% endfor %}</tr>
{% for name, values in compared.rows %}<tr><td>{{ name }}</td>{% for value in values %}<td class="n">{{ value }}</td>{% endfor %}</tr>{% endfor %}</table>
<h2>Photo average precision by click, by class{% for name in compared.names %} <span class="key tone{{ loop.index0 % 6 }}"></span> {{ name }}{% endfor %}</h2>
<table>{% for name, count, values in compared.classes %}<tr><td>{{ name }}</td><td class="n">{{ count }}</td>
<td style="width:30rem">{% for value in values %}<div class="bar tone{{ loop.index0 % 6 }}" style="width:{{ value * 100 }}%"></div>{% endfor %}</td>
<td class="n">{% for value in values %}{{ "%.2f"|format(value) }}{{ " / " if not loop.last }}{% endfor %}</td></tr>{% endfor %}</table>{% endif %}
{% for each in parts %}{% if compared %}<h1>{{ each.name }}</h1>{% endif %}
{% if not compared %}<table>{% for name, value in each.figures %}<tr><td>{{ name }}</td><td class="n">{{ value }}</td></tr>{% endfor %}</table>{% endif %}
<h2>Photo average precision by class <span class="key" style="background:#2a78c8"></span> by click
<span class="key" style="background:#b8862d"></span> whole photo</h2>
<table>{% for name, count, click, whole in each.classes %}<tr><td>{{ name }}</td><td class="n">{{ count }}</td>
<td style="width:30rem"><div class="bar" style="width:{{ click * 100 }}%"></div>
<div class="bar whole" style="width:{{ whole * 100 }}%"></div></td>
<td class="n">{{ "%.2f"|format(click) }} / {{ "%.2f"|format(whole) }}</td></tr>{% endfor %}</table>
{% if each.reliability %}<h2>Quality: predicted and observed</h2>
<p>Segments in 15 bins of equal number by their quality; each bar is the share that fits some object with IoU ≥ .5, the line the mean quality.</p>
<svg viewBox="0 0 320 200" width="480" role="img" aria-label="Reliability diagram"><g stroke="currentColor" stroke-width=".5" fill="none">
<path d="M20 180H310M20 180V10"></path></g>{% for predicted, observed, count in each.reliability %}
<rect x="{{ 22 + loop.index0 * 19 }}" y="{{ 180 - 170 * observed }}" width="15" height="{{ 170 * observed }}" fill="#2a78c8"><title>predicted {{ "%.3f"|format(predicted) }}, observed {{ "%.3f"|format(observed) }}, {{ count }} segments</title></rect>
<path d="M{{ 22 + loop.index0 * 19 }} {{ 180 - 170 * predicted }}h15" stroke="#cc4b4b" stroke-width="2"></path>{% endfor %}</svg>{% endif %}
{% if each.words %}<h2>Words</h2>
<table>{% for name, value in each.words %}<tr><td>{{ name }}</td><td style="width:30rem"><div class="bar"
style="width:{{ value * 100 }}%"></div></td><td class="n">{{ "%.2f"|format(value) }}</td></tr>{% endfor %}</table>{% endif %}
{% for title, rows in each.examples %}<h2>{{ title }}</h2>
{% for caption, tiles in rows %}<p>{{ caption }}</p><div class="row">{% for kind, source in tiles %}
<figure><img class="{{ kind }}" src="{{ source }}" alt="{{ kind }}"></figure>{% endfor %}</div>{% endfor %}{% endfor %}{% endfor %}
"""


def write_report(out: Path, found: Mapping[str, Evaluation], places: Mapping[str, Assembly]) -> None:
    """Write ``report.html`` and ``figures.json`` into a folder, of several recipes side by side.

    Parameters
    ----------
    out : Path
        Made if it is not there.
    found : mapping of str to Evaluation
        By recipe; of a single one the figures stand alone.
    places : mapping of str to Assembly
        Of the homes the photos were entered into, which must still be there: pictures are taken from their previews.
    """
    out.mkdir(parents=True, exist_ok=True)
    figures = compared(found)
    whole = {name: {**as_json(each), "figures": figures[name]} for name, each in found.items()}
    (out / "figures.json").write_text(json.dumps(whole if len(found) > 1 else next(iter(whole.values())), indent=1))
    page = Environment(autoescape=True).from_string(PAGE)
    html = page.render(
        compared=_compared(found, figures) if len(found) > 1 else None,
        parts=[_part(name, each, places[name]) for name, each in found.items()],
    )
    (out / "report.html").write_text(html, encoding="utf-8")


def _compared(found: Mapping[str, Evaluation], figures: Mapping[str, Figures]) -> dict[str, Any]:
    """The recipes side by side; of the classes those that were asked for by all."""
    by_class = [each.photo_by_click for each in found.values()]
    shared = [name for name in by_class[0] if all(name in each for each in by_class)]
    classes = [(name, len(by_class[0][name]), [float(np.mean(each[name])) for each in by_class]) for name in shared]
    return {
        "names": list(found),
        "rows": side_by_side(list(figures.values())),
        "classes": sorted(classes, key=lambda row: (-row[2][0], row[0])),
    }


def _part(name: str, found: Evaluation, assembly: Assembly) -> dict[str, Any]:
    """What the page shows of one recipe."""
    ranked = sorted(found.examples, key=lambda each: each.average_precision)
    classes = sorted(
        (name, len(values), float(np.mean(values)), float(np.mean(found.whole_photo[name])))
        for name, values in found.photo_by_click.items()
    )
    return {
        "name": name,
        "figures": [(name, shown(value)) for name, value in found.figures().items()],
        "classes": sorted(classes, key=lambda row: -row[2]),
        "reliability": _reliability(found),
        "words": sorted(found.words.items(), key=lambda item: -item[1]),
        "examples": [("Hits", _rows(assembly, ranked[-SHOWN:][::-1])), ("Misses", _rows(assembly, ranked[:SHOWN]))],
    }


def _reliability(found: Evaluation) -> list[tuple[float, float, int]]:
    """Mean quality, share that was right and number of segments of each bin, where the quality is not 0."""
    if not found.right:
        return []
    bins = reliability(np.array(found.qualities), np.array(found.right, bool))
    return list(zip(bins.predicted.tolist(), bins.observed.tolist(), bins.count.tolist(), strict=True))


def _rows(assembly: Assembly, examples: Sequence[Example]) -> list[tuple[str, list[tuple[str, str]]]]:
    rows: list[tuple[str, list[tuple[str, str]]]] = []
    for example in examples:
        tiles = [("query", _tile(assembly, example.image_id, 0, example.point_xy))]
        tiles += [
            ("right" if right else "wrong", _tile(assembly, image_id, segment_id, None))
            for image_id, segment_id, right in example.results
        ]
        rows.append((f"{example.category}: average precision {example.average_precision:.2f}", tiles))
    return rows


def _tile(assembly: Assembly, image_id: int, segment_id: int, point_xy: tuple[int, int] | None) -> str:
    """A small picture as a data URI: the segment lit up, or the clicked point marked."""
    record = assembly.catalog.images.get(image_id)
    with assembly.own_files.preview(record.sha256) as file:
        picture = Image.open(file).convert("RGB")
    picture.thumbnail((TILE, TILE))
    if segment_id and (mask := assembly.catalog.segments.masks([segment_id]).get(segment_id)):
        shape = Image.fromarray(decode_mask(*mask)).resize(picture.size)
        picture = Image.composite(picture, Image.blend(picture, Image.new("RGB", picture.size), 0.65), shape)
    if point_xy is not None and record.width:
        scale = picture.width / record.width
        x, y = point_xy[0] * scale, point_xy[1] * scale
        ImageDraw.Draw(picture).ellipse((x - 5, y - 5, x + 5, y + 5), outline="white", fill="#cc2222", width=2)
    stream = io.BytesIO()
    picture.save(stream, "JPEG", quality=80)
    return f"data:image/jpeg;base64,{base64.b64encode(stream.getvalue()).decode()}"
