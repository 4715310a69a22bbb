/** Photos of blocks on their way from the server. */

import { getTimeline } from "./api.js";
import { CHUNK } from "./blocks.js";

const SETTLING = 80; // milliseconds that a block has to stay in sight while one scrolls fast
const AGAIN = 2000; // after a failure

export class Loading {
  #view;
  #onPhotos;
  #loads = new Map(); // by the key of the block
  #timer = 0;

  /** `onPhotos` hears of each block and its photos. */
  constructor(view, onPhotos) {
    this.#view = view;
    this.#onPhotos = onPhotos;
  }

  /** These blocks are in sight, and no others: have their photos come, soon while one scrolls `fast`. */
  ask(blocks, fast) {
    const keys = new Set(blocks.map((block) => block.key));
    for (const [key, load] of this.#loads) if (!keys.has(key)) load.aborter.abort();
    clearTimeout(this.#timer);
    const start = () => {
      for (const block of blocks) this.load(block).catch(() => (this.#timer = setTimeout(start, AGAIN)));
    };
    if (fast) this.#timer = setTimeout(start, SETTLING);
    else start();
  }

  stop() {
    for (const load of this.#loads.values()) load.aborter.abort();
    this.#loads.clear();
  }

  /** Resolves when the photos of a block have come, or nobody waits for them any more. */
  load(block) {
    if (!block.stale) return Promise.resolve();
    const under = this.#loads.get(block.key);
    if (under && !under.aborter.signal.aborted) return under.done;
    const load = { aborter: new AbortController() };
    this.#loads.set(block.key, load);
    load.done = this.#fetch(block, load.aborter.signal).finally(() => {
      if (this.#loads.get(block.key) === load) this.#loads.delete(block.key);
    });
    return load.done;
  }

  async #fetch(block, signal) {
    try {
      const asked = { ...this.#view, month: block.month, skip: block.from, limit: CHUNK };
      const { photos } = await getTimeline(asked, signal);
      if (!signal.aborted) this.#onPhotos(block, photos);
    } catch (problem) {
      if (problem.name !== "AbortError") throw problem;
    }
  }
}
