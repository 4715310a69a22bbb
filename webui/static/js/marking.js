/** What is drawn over a photo to mark a thing, by the chosen tool. */

import { lassoOf, pointsOf } from "./strokes.js";

/**
 * `tool` says what a drag does: "pick" and "box" draw boxes, "lasso" a line around, "points" strokes. Fingers scroll
 * with "pick". With points, `minus` says that strokes go over what is not meant; Alt turns it round.
 */
export class Marking {
  #layers;
  #photo;
  #tell;
  tool = "pick";
  minus = false;

  /** On the layers of a photo; `tell(type, detail)` hears of `lasso` {polygon} and `stroke` {points, minus}. */
  constructor(layers, photo, tell) {
    this.#layers = layers;
    this.#photo = photo;
    this.#tell = tell;
  }

  get byPoints() {
    return this.tool === "points";
  }

  get byLines() {
    return this.byPoints || this.tool === "lasso";
  }

  /** Show what is being drawn, {box} or {line, event}; null for nothing. */
  show(drawn) {
    const stroke = drawn?.line && this.byPoints;
    this.#layers.draw(stroke ? { ...drawn, minus: this.#isMinus(drawn.event) } : drawn);
  }

  /** A line was drawn. */
  line(line, event) {
    if (this.byPoints) return this.#stroke(pointsOf(line, this.#pixel), event);
    const polygon = lassoOf(line, 2 * this.#pixel);
    if (polygon) this.#tell("lasso", { polygon });
  }

  /** A single point was marked. */
  point(point, event) {
    this.#stroke([point.map(Math.floor)], event);
  }

  #stroke(points, event) {
    this.#tell("stroke", { points, minus: this.#isMinus(event) });
  }

  #isMinus = (event) => this.minus !== event.altKey;

  /** A pixel of the screen in pixels of the photo. */
  get #pixel() {
    return this.#photo.width / this.#layers.svg.getBoundingClientRect().width;
  }
}
