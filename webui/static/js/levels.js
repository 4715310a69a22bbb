/** The segments under a point of a photo, the likeliest first, as the server ranks them. */

import { getLevels } from "./api.js";

const REST = 60; // milliseconds for which a pointer rests before the server is asked

export class Levels {
  #source;
  #photo;
  #rows; // from ids
  #asked = new AbortController();
  #timer = 0;
  granularity = null; // 0 for parts, 1 for wholes, null for what is most likely meant

  /** Of a source {kind: "query" | "image", id} and its photo. */
  constructor(source, photo) {
    this.#source = source;
    this.#photo = photo;
    this.#rows = new Map(photo.segments.map((segment, row) => [segment.id, row]));
  }

  /** Rows of the segments at a point; `guess` where the server cannot tell, null where something else was asked since. */
  async at(point, guess) {
    this.forget();
    const asked = (this.#asked = new AbortController());
    const [x, y] = point.map((value, axis) => {
      const side = axis ? this.#photo.height : this.#photo.width;
      return Math.min(Math.max(value, 0), side - 0.01).toFixed(2);
    });
    try {
      const { levels } = await getLevels(this.#source, { x, y, granularity: this.granularity }, asked.signal);
      const rows = levels.map(({ segment }) => this.#rows.get(segment)).filter((row) => row !== undefined);
      return asked.signal.aborted ? null : rows.length ? rows : guess;
    } catch {
      return asked.signal.aborted ? null : guess;
    }
  }

  /** The same once the pointer rests; never where something else is asked before. */
  async soon(point, guess) {
    this.forget();
    await new Promise((resolve) => (this.#timer = setTimeout(resolve, REST)));
    return this.at(point, guess);
  }

  /** Nobody waits for an answer any more. */
  forget() {
    clearTimeout(this.#timer);
    this.#asked.abort();
  }
}
