/** What is drawn over a photo: outlines of segments, a spotlight on one, marks, and the level in the corner. */

import { h, s } from "./dom.js";
import { gettext } from "./i18n.js";
import { Mask } from "./rle.js";

const SHOWN = 14; // outlines drawn before anything is pointed at

export class Layers {
  #photo;
  #stage;
  #all;
  #shade;
  #chosen;
  #active;
  #drawn;
  #level = h("span", { class: "level", "aria-hidden": "true", hidden: true });
  masks;
  svg;

  constructor(stage, photo) {
    this.#stage = stage;
    this.#photo = photo;
    this.masks = photo.segments.map((segment) => new Mask(segment.mask));
    [this.#all, this.#chosen, this.#active, this.#drawn] = ["all", "chosen", "active", "drawn"].map((name) => s("g", { class: name }));
    this.#shade = s("path", { class: "shade" });
    const { width, height } = this.#frame;
    const frameAs = { viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: "none", "aria-hidden": "true" };
    this.svg = s("svg", { class: "overlay", ...frameAs }, this.#all, this.#shade, this.#chosen, this.#active, this.#drawn);
    this.#all.append(...distinct(photo).map((row) => this.#path(row)));
    stage.append(this.svg, this.#level);
  }

  set outlines(on) {
    this.#all.toggleAttribute("hidden", !on);
  }

  /** Put the spotlight on a row, or on none (-1). */
  spotlight(row) {
    const mask = this.masks[row];
    this.#shade.setAttribute("d", mask ? allBut(mask, mask.outline) : "");
    this.#shade.setAttribute("transform", mask ? this.#fitting(mask) : "");
    this.#active.replaceChildren(...(mask ? [this.#path(row)] : []));
    this.#stage.classList.toggle("pointed", row >= 0);
  }

  /** Mark rows and masks as chosen, with what was drawn to choose them: references to the photo. */
  choose(rows, made, marks) {
    const masks = [...rows.map((row) => this.masks[row]), ...made.map((mask) => new Mask(mask))];
    const alike = masks.every(({ width, height }) => width === this.#frame.width && height === this.#frame.height);
    const outlines = masks.map((mask) => mask.outline).join("");
    const rest = outlines && alike ? [s("path", { class: "rest", d: allBut(this.#frame, outlines) })] : [];
    const paths = masks.map((mask) => this.#drawing(mask));
    this.#chosen.replaceChildren(...rest, ...paths, ...marks.flatMap((mark) => this.#mark(mark)));
  }

  /** Show what is being drawn: {box}, {line} or null. */
  draw(drawn) {
    const { box, line, minus } = drawn ?? {};
    const shapes = [];
    if (box) shapes.push(this.#rectangle(box, "band"));
    if (line) shapes.push(this.#line(line, minus === undefined ? "band" : minus ? "stroke minus" : "stroke plus"));
    this.#drawn.replaceChildren(...shapes);
  }

  /** Which of how many levels is shown; nothing where there is one. */
  showLevel(place, of) {
    this.#level.hidden = !place || of < 2;
    this.#level.textContent = gettext("%(num)s of %(all)s", { num: place, all: of });
  }

  /** Rows of the segments that cover a point of the photo. */
  covering([x, y]) {
    const { width, height } = this.#photo;
    const covers = (mask) => mask.covers((x * mask.width) / width, (y * mask.height) / height);
    return this.masks.flatMap((mask, row) => (covers(mask) ? [row] : []));
  }

  /** A point of the photo well inside a segment. */
  middleOf(row) {
    const { middle: [x, y], width, height } = this.masks[row];
    return [(x * this.#photo.width) / width, (y * this.#photo.height) / height];
  }

  /** The distance of two points of the photo, in pixels of the screen. */
  distance([x, y], [u, v]) {
    return (Math.hypot(x - u, y - v) * this.svg.getBoundingClientRect().width) / this.#photo.width;
  }

  get #frame() {
    return this.masks[0] ?? this.#photo;
  }

  get #scale() {
    return [this.#frame.width / this.#photo.width, this.#frame.height / this.#photo.height];
  }

  /** What was drawn to choose something. */
  #mark({ box, region, polygon, points = [], not_points: others = [] }) {
    const dots = (places, name) => places.map((place) => this.#line([place, place], `dot ${name}`));
    return [
      ...(box || region ? [this.#rectangle(box ?? region, "asked")] : []),
      ...(polygon ? [this.#line([...polygon, polygon[0]], "asked")] : []),
      ...dots(points, "plus"),
      ...dots(others, "minus"),
    ];
  }

  #line(line, name) {
    const [sx, sy] = this.#scale;
    return s("path", { class: name, d: `M${line.map(([x, y]) => `${x * sx} ${y * sy}`).join("L")}` });
  }

  /** From a mask's frame to that of what is drawn; masks of imported segments have another than the others. */
  #fitting({ width, height }) {
    return `scale(${this.#frame.width / width} ${this.#frame.height / height})`;
  }

  #path(row) {
    return this.#drawing(this.masks[row]);
  }

  #drawing(mask) {
    return s("path", { d: mask.outline, transform: this.#fitting(mask) });
  }

  #rectangle([x0, y0, x1, y1], name) {
    const [sx, sy] = this.#scale;
    return s("rect", { class: name, x: x0 * sx, y: y0 * sy, width: (x1 - x0) * sx, height: (y1 - y0) * sy });
  }
}

/** All of a frame but what is inside an outline. */
const allBut = ({ width, height }, outline) => `M0 0H${width}V${height}H0Z${outline}`;

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
