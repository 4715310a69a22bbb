/** The best things of a photo: segments of high quality, none of which is a part of another. */

import { Mask } from "./rle.js";

export const DOTS = 5; // things that are offered on a photo
const LEAST = 0.05; // quality below which a segment is hardly a thing
const [SMALLEST, LARGEST] = [0.002, 0.7]; // shares of the photo
const SHARED = 0.5; // of the smaller of two segments; from here on, one counts as a part of the other
const INSIDE = 0.8; // of a segment's box, for the segment to be inside a region

/**
 * At most as many segments of a photo, the best first; only those inside a box, if one is given. Where no segment is
 * likely to be a thing, the best one.
 */
export function bestThings({ width, height, segments }, most, within = null) {
  const inside = within ? segments.filter((segment) => shared(segment.box_xyxy, within) >= INSIDE * areaOf(segment.box_xyxy)) : segments;
  const found = [];
  for (const segment of inside) {
    const share = segment.area / (width * height);
    if (found.length === most || segment.quality < LEAST) break;
    if (share < SMALLEST || share > LARGEST) continue;
    const mask = new Mask(segment.mask);
    if (found.every((other) => areApart({ segment, mask }, other))) found.push({ segment, mask });
  }
  return found.length ? found.map(({ segment }) => segment) : inside.slice(0, 1);
}

/** Whether two segments share little; by their boxes if one's mask has another frame, as those of imported ones have. */
function areApart(one, other) {
  const alike = one.mask.width === other.mask.width && one.mask.height === other.mask.height;
  const [a, b] = [one.segment.box_xyxy, other.segment.box_xyxy];
  if (!shared(a, b)) return true;
  if (!alike) return shared(a, b) < SHARED * Math.min(areaOf(a), areaOf(b));
  return one.mask.shared(other.mask) < SHARED * Math.min(one.mask.area, other.mask.area);
}

const areaOf = ([x0, y0, x1, y1]) => (x1 - x0) * (y1 - y0);

/** The area that two boxes share. */
function shared(a, b) {
  const side = (at) => Math.max(0, Math.min(a[at + 2], b[at + 2]) - Math.max(a[at], b[at]));
  return side(0) * side(1);
}
