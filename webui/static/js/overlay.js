/** The segments of a photo, drawn over it: outlines, a spotlight on one, and picking by pointer and keys. */

import { s } from "./dom.js";
import { followPointer } from "./pointer.js";
import { Mask } from "./rle.js";

const SHOWN = 14; // outlines drawn before anything is pointed at

/**
 * Tells by events what happens: `highlight` {segment, place, of}, `pick` {segment, add}, `point` {point} where no
 * segment is, and `box` {box}. Points and boxes are in pixels of the photo.
 */
export class SegmentOverlay extends EventTarget {
  #photo;
  #stage;
  #masks;
  #layers;
  #active = -1;
  #under = []; // rows of the segments under the pointer, best first

  constructor(stage, photo) {
    super();
    this.#stage = stage;
    this.#photo = photo;
    this.#masks = photo.segments.map((segment) => new Mask(segment.mask));
    this.#draw();
    followPointer(this.#layers.svg, photo, {
      onMove: (point) => this.#hover(point),
      onLeave: () => this.#hover(null),
      onClick: (point, event) => this.#click(point, event),
      onDrag: (box) => this.#showBox(box),
      onBox: (box) => this.#tell("box", { box }),
      fingersDraw: () => this.drawing,
    });
    stage.addEventListener("keydown", (event) => this.#key(event));
    stage.addEventListener("blur", () => this.#highlightRow(-1));
  }

  /** Whether fingers draw boxes instead of scrolling. */
  get drawing() {
    return this.#stage.classList.contains("drawing");
  }

  set drawing(on) {
    this.#stage.classList.toggle("drawing", on);
  }

  set outlines(on) {
    this.#layers.all.toggleAttribute("hidden", !on);
  }

  /** Put the spotlight on a segment, or on none. */
  highlight(id) {
    this.#highlightRow(this.#photo.segments.findIndex((segment) => segment.id === id), true);
  }

  /** Mark the segments, and the box, that are being searched with. */
  choose(ids, box = null) {
    const rows = [...this.#masks.keys()].filter((row) => ids.includes(this.#photo.segments[row].id));
    const outlines = rows.map((row) => this.#masks[row].outline).join("");
    const rest = outlines ? [s("path", { class: "rest", d: this.#allBut(outlines) })] : [];
    const asked = box ? [this.#rectangle(box, "asked")] : [];
    this.#layers.chosen.replaceChildren(...rest, ...rows.map((row) => this.#path(row)), ...asked);
  }

  #draw() {
    const frame = this.#masks[0] ?? this.#photo;
    const { width, height } = frame;
    const frameAs = { viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: "none", "aria-hidden": "true" };
    const [all, chosen, active, box] = ["all", "chosen", "active", "box"].map((name) => s("g", { class: name }));
    const shade = s("path", { class: "shade" });
    const svg = s("svg", { class: "overlay", ...frameAs }, all, shade, chosen, active, box);
    this.#layers = { svg, all, shade, chosen, active, box };
    this.#layers.all.append(...distinct(this.#photo).map((row) => this.#path(row)));
    this.#stage.append(this.#layers.svg);
  }

  #path(row) {
    return s("path", { d: this.#masks[row].outline });
  }

  #allBut(outline) {
    const { width, height } = this.#masks[0] ?? this.#photo;
    return `M0 0H${width}V${height}H0Z${outline}`;
  }

  #scale() {
    const frame = this.#masks[0] ?? this.#photo;
    return [frame.width / this.#photo.width, frame.height / this.#photo.height];
  }

  #rectangle([x0, y0, x1, y1], name) {
    const [sx, sy] = this.#scale();
    return s("rect", { class: name, x: x0 * sx, y: y0 * sy, width: (x1 - x0) * sx, height: (y1 - y0) * sy });
  }

  #showBox(box) {
    if (box) this.#highlightRow(-1);
    this.#layers.box.replaceChildren(...(box ? [this.#rectangle(box, "band")] : []));
  }

  #covering([x, y]) {
    const [sx, sy] = this.#scale();
    return this.#masks.flatMap((mask, row) => (mask.covers(x * sx, y * sy) ? [row] : []));
  }

  #hover(point) {
    const before = this.#under[0];
    this.#under = point ? this.#covering(point) : [];
    const stays = this.#under[0] === before && this.#under.includes(this.#active);
    if (!stays) this.#highlightRow(this.#under[0] ?? -1);
  }

  #click(point, event) {
    this.#hover(point);
    const segment = this.#photo.segments[this.#active];
    const add = event.shiftKey || event.ctrlKey || event.metaKey;
    if (segment && this.#under.includes(this.#active)) this.#tell("pick", { segment, add });
    else this.#tell("point", { point: point.map((value) => Math.round(value)), add });
  }

  #key(event) {
    const count = this.#masks.length;
    const moves = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };
    if (event.target !== this.#stage || event.altKey || event.ctrlKey || event.metaKey || !count) return;
    if (event.key in moves) {
      const from = this.#active < 0 && moves[event.key] < 0 ? 0 : this.#active;
      this.#highlightRow((from + moves[event.key] + count) % count);
    } else if (event.key === "Enter" && this.#active >= 0) {
      this.#tell("pick", { segment: this.#photo.segments[this.#active], add: event.shiftKey });
    } else if (event.key === "Escape" && this.#active >= 0) this.#highlightRow(-1);
    else return;
    event.preventDefault();
  }

  /** Go on to the next of the segments that are under the pointer: a part of the whole, or the whole of a part. */
  deeper() {
    if (this.#under.length < 2) return;
    this.#highlightRow(this.#under[(this.#under.indexOf(this.#active) + 1) % this.#under.length]);
  }

  #highlightRow(row, silent = false) {
    if (row === this.#active) return;
    this.#active = row;
    const outline = row < 0 ? "" : this.#masks[row].outline;
    this.#layers.shade.setAttribute("d", outline && this.#allBut(outline));
    this.#layers.active.replaceChildren(...(outline ? [this.#path(row)] : []));
    this.#stage.classList.toggle("pointed", row >= 0);
    if (silent) return;
    const [place, of] = [this.#under.indexOf(row) + 1, this.#under.length];
    this.#tell("highlight", { segment: this.#photo.segments[row] ?? null, row, place, of });
  }

  #tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}

/** Rows of the best segments that hardly overlap, so that the outlines drawn at first can be told apart. */
function distinct({ width, height, segments }) {
  const rows = [];
  segments.forEach((segment, row) => {
    const share = segment.area / (width * height);
    const apart = rows.every((other) => overlap(segment.box_xyxy, segments[other].box_xyxy) < 0.4);
    if (rows.length < SHOWN && share > 0.002 && share < 0.7 && apart) rows.push(row);
  });
  return rows;
}

/** What of the smaller box lies in the other. */
function overlap(a, b) {
  const side = (at) => Math.max(0, Math.min(a[at + 2], b[at + 2]) - Math.max(a[at], b[at]));
  const area = (box) => (box[2] - box[0]) * (box[3] - box[1]);
  return (side(0) * side(1)) / Math.max(1, Math.min(area(a), area(b)));
}
