/** Masks as COCO writes them: compressed run lengths, down the columns, outside and inside in turn. */

import { trace } from "./outline.js";

/** The run lengths of a compressed string. */
export function decodeCounts(text) {
  const counts = [];
  let at = 0;
  while (at < text.length) {
    let value = 0;
    let shift = 0;
    let code;
    do {
      code = text.charCodeAt(at++) - 48;
      value |= (code & 0x1f) << shift;
      shift += 5;
    } while (code & 0x20);
    if (code & 0x10 && shift < 32) value |= -1 << shift;
    if (counts.length > 2) value += counts[counts.length - 2];
    counts.push(value);
  }
  return counts;
}

/** One mask. Its frame is the whole photo at the size at which it was analysed. */
export class Mask {
  #ends; // where each run ends, counted along the columns; odd runs are inside
  #outline = null;

  constructor({ size: [height, width], counts }) {
    this.height = height;
    this.width = width;
    let end = 0;
    this.#ends = Uint32Array.from(decodeCounts(counts), (count) => (end += count));
  }

  /** Whether the pixel that holds this point of the mask's frame is inside. */
  covers(x, y) {
    const column = Math.min(Math.max(Math.floor(x), 0), this.width - 1);
    const row = Math.min(Math.max(Math.floor(y), 0), this.height - 1);
    const index = column * this.height + row;
    let low = 0;
    let high = this.#ends.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#ends[middle] > index) high = middle;
      else low = middle + 1;
    }
    return low % 2 === 1 && low < this.#ends.length;
  }

  /** Its contours, holes included, as the data of an SVG path in the mask's frame. */
  get outline() {
    this.#outline ??= this.#trace();
    return this.#outline;
  }

  *#insideRuns() {
    for (let run = 1; run < this.#ends.length; run += 2) {
      if (this.#ends[run] > this.#ends[run - 1]) yield [this.#ends[run - 1], this.#ends[run]];
    }
  }

  /** The tight box around what is inside, [x0, y0, x1, y1]. */
  get bounds() {
    let [left, top, right, bottom] = [this.width, this.height, 0, 0];
    for (const [start, end] of this.#insideRuns()) {
      const spans = Math.floor(start / this.height) !== Math.floor((end - 1) / this.height);
      left = Math.min(left, Math.floor(start / this.height));
      right = Math.max(right, Math.floor((end - 1) / this.height) + 1);
      top = Math.min(top, spans ? 0 : start % this.height);
      bottom = Math.max(bottom, spans ? this.height : ((end - 1) % this.height) + 1);
    }
    return [left, top, right, bottom];
  }

  /** A point well inside, [x, y]: the middle of the longest run. */
  get middle() {
    let [from, length] = [0, 0];
    for (const [start, end] of this.#insideRuns()) if (end - start > length) [from, length] = [start, end - start];
    const index = from + Math.floor(length / 2);
    return [Math.floor(index / this.height) + 0.5, (index % this.height) + 0.5];
  }

  #trace() {
    const [left, top, right, bottom] = this.bounds;
    if (right <= left) return "";
    const bits = new Uint8Array((right - left) * (bottom - top));
    for (const [start, end] of this.#insideRuns()) {
      for (let index = start; index < end; index++) {
        const column = Math.floor(index / this.height);
        bits[(index - column * this.height - top) * (right - left) + column - left] = 1;
      }
    }
    return trace(bits, right - left, bottom - top, left, top);
  }
}
