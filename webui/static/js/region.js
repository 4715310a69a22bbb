/** A region of a photo as it is, whatever segments it shows: a rectangle as a mask. */

const SIDE = 512; // longest side of the mask

/** A rectangle as POST /search takes masks, from [x0, y0, x1, y1, width, height]: its box and the photo's size in pixels. */
export function maskOf([x0, y0, x1, y1, width, height]) {
  const scale = Math.min(1, SIDE / Math.max(width, height));
  const [w, h] = [width, height].map((side) => Math.max(1, Math.round(side * scale)));
  const span = (from, to, side, whole) => {
    const first = Math.min(Math.max(Math.floor((from * side) / whole), 0), side - 1);
    return [first, Math.min(Math.max(Math.ceil((to * side) / whole), first + 1), side)];
  };
  const [[left, right], [top, bottom]] = [span(x0, x1, w, width), span(y0, y1, h, height)];
  return { size: [h, w], counts: encodeCounts(runs(left, right, top, bottom, w, h)) };
}

/** Run lengths down the columns, outside and inside in turn. */
function runs(left, right, top, bottom, width, height) {
  const [inside, between] = [bottom - top, height - bottom + top];
  const columns = right - left;
  const before = left * height + top;
  const after = width * height - before - columns * inside - (columns - 1) * between;
  const middle = between ? Array.from({ length: 2 * columns - 1 }, (_, at) => (at % 2 ? between : inside)) : [columns * inside];
  return [before, ...middle, ...(after ? [after] : [])];
}

/** As COCO compresses run lengths: the difference to the one two before, in groups of five bits. */
export function encodeCounts(counts) {
  let text = "";
  counts.forEach((count, at) => {
    let value = at > 2 ? count - counts[at - 2] : count;
    for (let more = true; more; ) {
      const code = value & 0x1f;
      value >>= 5;
      more = code & 0x10 ? value !== -1 : value !== 0;
      text += String.fromCharCode((more ? code | 0x20 : code) + 48);
    }
  });
  return text;
}
