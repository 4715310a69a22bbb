"""The evaluation as one HTML page that needs nothing beside it: figures, bars by class, hits and misses."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jinja2 import Environment
from PIL import Image, ImageDraw

from retrieval.assembly import Assembly
from retrieval.evaluate.calibration import reliability
from retrieval.masks import decode_mask

from .evaluation import Evaluation, Example, as_json

SHOWN = 6
TILE = 150

PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>SegSearch evaluation</title>
<style>
:root { color-scheme: light dark } body { font: 15px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem }
table { border-collapse: collapse } td, th { padding: .15rem .8rem .15rem 0; text-align: left; vertical-align: middle }
td.n { text-align: right; font-variant-numeric: tabular-nums } .bar { height: .7rem; background: #2a78c8; border-radius: 2px }
.bar.whole { background: #b8862d; margin-top: 2px } .row { display: flex; gap: .5rem; overflow-x: auto; margin: .3rem 0 1.2rem }
figure { margin: 0 } figcaption { font-size: 12px } .right { outline: 3px solid #2e9e5b } .wrong { outline: 3px solid #cc4b4b }
.key { display: inline-block; width: .8rem; height: .8rem; border-radius: 2px; margin-left: 1rem }
</style>
<h1>Evaluation</h1>
<table>{% for name, value in figures %}<tr><td>{{ name }}</td><td class="n">{{ value }}</td></tr>{% endfor %}</table>
<h2>Photo average precision by class <span class="key" style="background:#2a78c8"></span> by click
<span class="key" style="background:#b8862d"></span> whole photo</h2>
<table>{% for name, count, click, whole in classes %}<tr><td>{{ name }}</td><td class="n">{{ count }}</td>
<td style="width:30rem"><div class="bar" style="width:{{ click * 100 }}%"></div>
<div class="bar whole" style="width:{{ whole * 100 }}%"></div></td>
<td class="n">{{ "%.2f"|format(click) }} / {{ "%.2f"|format(whole) }}</td></tr>{% endfor %}</table>
{% if reliability %}<h2>Quality: what was said and what was so</h2>
<p>Segments in 15 bins of equal number by their quality; each bar is the share that fits some object with IoU ≥ .5, the line the mean quality.</p>
<svg viewBox="0 0 320 200" width="480" role="img" aria-label="Reliability diagram"><g stroke="currentColor" stroke-width=".5" fill="none">
<path d="M20 180H310M20 180V10"></path></g>{% for predicted, observed, count in reliability %}
<rect x="{{ 22 + loop.index0 * 19 }}" y="{{ 180 - 170 * observed }}" width="15" height="{{ 170 * observed }}" fill="#2a78c8"><title>said {{ "%.3f"|format(predicted) }}, was {{ "%.3f"|format(observed) }}, {{ count }} segments</title></rect>
<path d="M{{ 22 + loop.index0 * 19 }} {{ 180 - 170 * predicted }}h15" stroke="#cc4b4b" stroke-width="2"></path>{% endfor %}</svg>{% endif %}
{% if words %}<h2>Words</h2>
<table>{% for name, value in words %}<tr><td>{{ name }}</td><td style="width:30rem"><div class="bar"
style="width:{{ value * 100 }}%"></div></td><td class="n">{{ "%.2f"|format(value) }}</td></tr>{% endfor %}</table>{% endif %}
{% for title, rows in examples %}<h2>{{ title }}</h2>
{% for caption, tiles in rows %}<p>{{ caption }}</p><div class="row">{% for kind, source in tiles %}
<figure><img class="{{ kind }}" src="{{ source }}" alt="{{ kind }}"></figure>{% endfor %}</div>{% endfor %}{% endfor %}
"""


def write_report(out: Path, found: Evaluation, assembly: Assembly) -> None:
    """Write ``report.html`` and ``figures.json`` into a folder.

    Parameters
    ----------
    out : Path
        Made if it is not there.
    found : Evaluation
    assembly : Assembly
        Of the home the photos were entered into, which must still be there: pictures are taken from its previews.
    """
    out.mkdir(parents=True, exist_ok=True)
    (out / "figures.json").write_text(json.dumps(as_json(found), indent=1))
    ranked = sorted(found.examples, key=lambda each: each.average_precision)
    classes = sorted(
        (name, len(values), float(np.mean(values)), float(np.mean(found.whole_photo[name])))
        for name, values in found.photo_by_click.items()
    )
    page = Environment(autoescape=True).from_string(PAGE)
    html = page.render(
        figures=[(name, _shown(value)) for name, value in found.figures().items()],
        classes=sorted(classes, key=lambda row: -row[2]),
        reliability=_reliability(found),
        words=sorted(found.words.items(), key=lambda item: -item[1]),
        examples=[
            ("Hits", _rows(assembly, ranked[-SHOWN:][::-1])),
            ("Misses", _rows(assembly, ranked[:SHOWN])),
        ],
    )
    (out / "report.html").write_text(html, encoding="utf-8")


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
    record = assembly.catalog.image(image_id)
    picture = Image.open(assembly.settings.preview(record.sha256)).convert("RGB")
    picture.thumbnail((TILE, TILE))
    if segment_id and (mask := assembly.catalog.masks([segment_id]).get(segment_id)):
        shape = Image.fromarray(decode_mask(*mask)).resize(picture.size)
        picture = Image.composite(picture, Image.blend(picture, Image.new("RGB", picture.size), 0.65), shape)
    if point_xy is not None and record.width:
        scale = picture.width / record.width
        x, y = point_xy[0] * scale, point_xy[1] * scale
        ImageDraw.Draw(picture).ellipse((x - 5, y - 5, x + 5, y + 5), outline="white", fill="#cc2222", width=2)
    stream = io.BytesIO()
    picture.save(stream, "JPEG", quality=80)
    return f"data:image/jpeg;base64,{base64.b64encode(stream.getvalue()).decode()}"


def _shown(value: object) -> str:
    if isinstance(value, list):
        return " to ".join(f"{each:+.3f}" for each in value)
    return f"{value:.3f}" if isinstance(value, float) else str(value)
