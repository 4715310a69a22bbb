/** Where the photos of a timeline lie. Months are cut into blocks; a block is laid out by itself once its photos are known. */

export const CHUNK = 200; // photos of a block, at most
const GAP = 8;
const HEADING = 56; // pixels above the first block of a month
const [SLIMMEST, WIDEST] = [0.31, 3.2]; // shapes beyond are cut, as ratios.css cuts them

const clip = (aspect) => Math.min(WIDEST, Math.max(SLIMMEST, aspect));

/** Rows of about one height, each as wide as the page: no row is left half empty but the last one of a month. */
export function justify(aspects, { width, row }, isLast) {
  const boxes = [];
  let y = 0;
  for (const [from, to] of breaks(aspects, { width, row }, isLast)) {
    const shapes = aspects.slice(from, to).map(clip);
    const free = width - GAP * (shapes.length - 1);
    const fitting = free / shapes.reduce((sum, shape) => sum + shape, 0);
    const ends = isLast && to === aspects.length; // what is left over is not blown up
    const height = ends && fitting > row * 1.2 ? row : Math.min(fitting, row * 1.8);
    let x = 0;
    for (const shape of shapes) {
      boxes.push({ x, y, width: shape * height, height });
      x += shape * height + GAP;
    }
    y += height + GAP;
  }
  return { boxes, height: y };
}

/** From which photo to which a row goes. */
function breaks(aspects, { width, row }, isLast) {
  const wide = aspects.map((aspect) => clip(aspect) * row + GAP);
  const all = wide.reduce((sum, each) => sum + each, 0);
  const even = all / Math.max(1, Math.round(all / (width + GAP))); // rows of a block that goes on share its width evenly
  const share = isLast ? width + GAP : even;
  const found = [];
  let [from, sum, end] = [0, 0, share];
  for (const [at, each] of wide.entries()) {
    if (at > from && sum + each / 2 > end + 1) {
      found.push([from, at]);
      from = at;
      end = isLast ? sum + share : end + share;
    }
    sum += each;
  }
  if (aspects.length) found.push([from, aspects.length]);
  return found;
}

/** The height that a block will have, by the mean shape of its photos. */
function expected({ count, aspect, isLast }, { width, row }) {
  const rows = (count * (clip(aspect) * row + GAP)) / (width + GAP);
  return Math.max(1, isLast ? Math.ceil(rows - 0.5) : Math.round(rows)) * (row + GAP);
}

export class Blocks {
  height = 0;
  count = 0;

  /** `months` as the API tells them; photos of `former` blocks are shown until newer ones have come. */
  constructor(months, geometry, former = null) {
    this.months = months;
    this.all = months.flatMap(({ month, photos, aspect }) =>
      Array.from({ length: Math.ceil(photos / CHUNK) }, (_, chunk) => {
        const from = chunk * CHUNK;
        const count = Math.min(CHUNK, photos - from);
        const key = `${month}/${chunk}`;
        return { key, month, from, count, aspect, isLast: from + count === photos, photos: former?.named(key)?.photos ?? null, stale: true };
      }));
    for (const block of this.all) {
      block.first = this.count;
      this.count += block.count;
    }
    this.lay(geometry);
  }

  named(key) {
    this.keys ??= new Map(this.all.map((block) => [block.key, block]));
    return this.keys.get(key);
  }

  /** Lay everything out anew, in pixels: the width of the page and the height of a row. */
  lay(geometry) {
    this.geometry = geometry;
    for (const block of this.all) this.#shape(block);
    this.#place();
  }

  /** The photos of a block have come. */
  take(block, photos) {
    block.photos = photos;
    block.stale = false;
    this.#shape(block);
    this.#place();
  }

  #shape(block) {
    const laid = block.photos && justify(block.photos.map((photo) => photo.aspect), this.geometry, block.isLast);
    block.boxes = laid?.boxes ?? [];
    block.head = block.from === 0 ? HEADING : 0;
    block.height = block.head + (laid?.height ?? expected(block, this.geometry));
  }

  #place() {
    let top = 0;
    for (const block of this.all) {
      block.top = top;
      top += block.height + (block.isLast ? GAP : 0);
    }
    this.height = top;
  }

  /** The number of the last block for which `value` (its top, or its first photo) is not beyond `limit`. */
  #last(value, limit) {
    let [low, high] = [0, this.all.length - 1];
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if (this.all[middle][value] <= limit) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  /** Blocks that have something between two heights. */
  between(top, bottom) {
    const found = [];
    for (let at = this.#last("top", top); at < this.all.length && this.all[at].top < bottom; at++) found.push(this.all[at]);
    return found;
  }

  at(y) {
    return this.all[this.#last("top", y)];
  }

  /** The block of a photo, by the photo's number from the start. */
  holding(index) {
    return this.all[this.#last("first", index)];
  }

  /** Where a photo lies, from the top of the timeline; about where, if its block has not come. */
  boxOf(index) {
    const block = this.holding(index);
    const box = block.boxes[index - block.first];
    if (box) return { ...box, y: block.top + block.head + box.y };
    const share = (index - block.first) / block.count;
    return { x: 0, y: block.top + block.head + share * (block.height - block.head), width: 0, height: this.geometry.row };
  }
  /** The number of the nearest photo in the row below (1) or above (-1). */
  acrossRow(index, way) {
    const here = this.boxOf(index);
    const middle = here.x + here.width / 2;
    for (let at = this.#last("first", index); this.all[at]; at += way) {
      const block = this.all[at];
      if (!block.boxes.length && index !== block.first) return way > 0 ? block.first : block.first + block.count - 1;
      const beyond = block.boxes.map((box, row) => ({ ...box, row, far: way * (block.top + block.head + box.y - here.y) }))
        .filter((box) => box.far > 1);
      const nearest = Math.min(...beyond.map((box) => box.far));
      const off = (box) => Math.abs(box.x + box.width / 2 - middle);
      const [best] = beyond.filter((box) => box.far < nearest + 1).sort((one, other) => off(one) - off(other));
      if (best) return block.first + best.row;
    }
    return index;
  }
}
