/** The segments of a photo, drawn over it, and picking among them by pointer, wheel and keys. */

import { Layers } from "./layers.js";
import { Levels } from "./levels.js";
import { Marking } from "./marking.js";
import { followPointer } from "./pointer.js";

const NEAR = 8; // screen pixels within which a click is at the same spot as the one before
const NOTCH = 60; // milliseconds between two steps of the wheel

/**
 * Tells by events what happens: `highlight` {segment, place, of}, `pick` {segment, add, byKey}, `point` {point} where no
 * segment is, `box` {box}, and `lasso` and `stroke` of its `marking`. Places are in pixels of the photo.
 *
 * The segments under a spot are its levels. The likeliest is picked first; the same click again, or Enter again, takes
 * the next one, and Alt + wheel or "." goes on to it without picking.
 */
export class SegmentOverlay extends EventTarget {
  #photo;
  #stage;
  #layers;
  #levels;
  #active = -1;
  #under = []; // rows of the segments under the spot that is pointed at, the likeliest first
  #stepped = false; // whether one of them was gone on to by hand
  #picked = null; // {row, rows, point} of what was picked last
  #picking = null; // what is being picked
  #notch = 0; // when the wheel made its last step
  marking;

  /** Of a source {kind: "query" | "image", id} and its photo. */
  constructor(stage, photo, source) {
    super();
    this.#stage = stage;
    this.#photo = photo;
    this.#layers = new Layers(stage, photo);
    this.#levels = new Levels(source, photo);
    this.marking = new Marking(this.#layers, photo, (type, detail) => this.#tell(type, detail));
    followPointer(this.#layers.svg, photo, {
      onMove: (point) => this.#hover(point), onLeave: () => this.#hover(null),
      onClick: (point, event) => this.#click(point, event),
      onDrag: (drawn) => {
        if (drawn) this.#highlightRow(-1);
        this.marking.show(drawn);
      },
      onBox: (box) => this.#tell("box", { box }),
      onLine: (line, event) => this.marking.line(line, event),
      lines: () => this.marking.byLines,
      fingersDraw: () => this.marking.tool !== "pick",
    });
    stage.addEventListener("keydown", (event) => this.#key(event));
    stage.addEventListener("blur", () => this.#highlightRow(-1));
    stage.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
  }

  /** Prefer parts (0) or wholes (1), or what is most likely meant (null); what was picked is picked anew. */
  set granularity(value) {
    this.#levels.granularity = value;
    if (this.#picked) this.#pickAt(this.#picked.point, false);
  }

  /** Mark things by a tool of `Marking`. */
  use(tool) {
    this.marking.tool = tool;
    this.#stage.classList.toggle("drawing", tool !== "pick");
    this.#highlightRow(-1);
  }

  set outlines(on) {
    this.#layers.outlines = on;
  }

  /** Put the spotlight on a segment, or on none. */
  highlight(id) {
    this.#highlightRow(this.#photo.segments.findIndex((segment) => segment.id === id), true);
  }

  /** Mark what is selected: ids of segments, masks that were made, and marked places; null lets go of what was picked. */
  choose(ids, made = [], marks = []) {
    if (!ids) this.#picked = null;
    const rows = [...this.#photo.segments.keys()].filter((row) => ids?.includes(this.#photo.segments[row].id));
    this.#layers.choose(rows, made, marks);
  }

  /** Go on to the next level under the pointer, or in the middle of the segment that the keys have come to. */
  async deeper() {
    if (!this.#under.length && this.#active >= 0) {
      const from = this.#active;
      const rows = await this.#levels.at(this.#layers.middleOf(from), [from]);
      if (!rows || this.#active !== from) return;
      this.#under = rows.includes(from) ? rows : [from, ...rows];
    }
    this.#step(1);
  }

  async #hover(point) {
    if (this.#picking || this.marking.byPoints) return;
    if (point && !this.#stepped && this.#isPicked(point)) {
      this.#under = this.#picked.rows;
      return this.#highlightRow(this.#picked.row);
    }
    const guess = point ? this.#layers.covering(point) : [];
    const same = guess.length === this.#under.length && guess.every((row) => this.#under.includes(row));
    if (!same || !guess.length) {
      this.#levels.forget();
      this.#stepped = false;
      this.#under = guess;
      this.#highlightRow(guess[0] ?? -1);
    }
    if (!guess.length || this.#stepped) return;
    const rows = await this.#levels.soon(point, this.#under);
    if (!rows) return;
    this.#under = rows;
    this.#highlightRow(rows[0]);
  }

  #click(point, event) {
    if (this.marking.byPoints) return this.marking.point(point, event);
    const add = event.shiftKey || event.ctrlKey || event.metaKey;
    if (!this.#layers.covering(point).length) {
      return this.#tell("point", { point: point.map((value) => Math.round(value)), add });
    }
    const again = this.#active === this.#picked?.row && this.#isPicked(point);
    if (again && !add) this.#step(1);
    if ((again || this.#stepped) && this.#under.includes(this.#active)) this.#pick(point, add);
    else this.#pickAt(point, add);
  }

  /** Whether the last pick was at this spot. */
  #isPicked(point) {
    return this.#picked !== null && this.#layers.distance(point, this.#picked.point) <= NEAR;
  }

  /** Pick the likeliest segment at a point. */
  async #pickAt(point, add) {
    const picking = (this.#picking = {});
    const rows = await this.#levels.at(point, this.#layers.covering(point));
    if (this.#picking !== picking) return;
    this.#picking = null;
    if (!rows) return;
    this.#under = rows;
    this.#highlightRow(rows[0]);
    this.#pick(point, add);
  }

  #pick(point, add, byKey = false) {
    this.#levels.forget();
    this.#stepped = false;
    this.#picked = { row: this.#active, rows: this.#under, point };
    this.#tell("pick", { segment: this.#photo.segments[this.#active], add, byKey });
  }

  #wheel(event) {
    if (!event.altKey || this.#under.length < 2 || !event.deltaY) return;
    event.preventDefault();
    if (event.timeStamp - this.#notch < NOTCH) return;
    this.#notch = event.timeStamp;
    this.#step(Math.sign(event.deltaY));
  }

  async #key(event) {
    const count = this.#photo.segments.length;
    const moves = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };
    const marks = this.marking.byPoints && event.key === "Enter";
    if (event.target !== this.#stage || (event.altKey && !marks) || event.ctrlKey || event.metaKey || !count) return;
    if (event.key === "Escape") return this.#highlightRow(-1);
    if (!(event.key in moves) && (event.key !== "Enter" || this.#active < 0)) return;
    event.preventDefault();
    if (event.key in moves) {
      const from = this.#active < 0 && moves[event.key] < 0 ? 0 : this.#active;
      this.#under = [];
      return this.#highlightRow((from + moves[event.key] + count) % count);
    }
    if (marks) return this.marking.point(this.#layers.middleOf(this.#active), event);
    if (this.#active === this.#picked?.row && !event.shiftKey) await this.deeper();
    if (this.#active >= 0) this.#pick(this.#layers.middleOf(this.#active), event.shiftKey, true);
  }

  #step(by) {
    const count = this.#under.length;
    if (count < 2 || this.#picking) return;
    this.#levels.forget();
    this.#stepped = true;
    this.#highlightRow(this.#under[(this.#under.indexOf(this.#active) + by + count) % count]);
  }

  #highlightRow(row, silent = false) {
    if (row !== this.#active) this.#layers.spotlight(row);
    this.#active = row;
    if (silent) return;
    const [place, of] = [this.#under.indexOf(row) + 1, this.#under.length];
    const shown = row < 0 && this.#picked ? this.#picked : { row, rows: this.#under };
    this.#layers.showLevel(shown.rows.indexOf(shown.row) + 1, shown.rows.length);
    this.#tell("highlight", { segment: this.#photo.segments[row] ?? null, row, place, of });
  }

  #tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
