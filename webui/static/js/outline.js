/** From a bitmap to the contours of what is set in it. */

const STEPS = [[1, 0], [0, 1], [-1, 0], [0, -1]]; // east, south, west, north
const TOLERANCE = 0.8; // pixels by which a contour may be off: it takes the stairs out of slanted edges

/**
 * The contours of a bitmap as SVG path data, moved by (left, top).
 *
 * Each contour is followed along the edges of pixels with the inside on the right; what touches only at a corner is
 * apart. Every contour has an edge that runs east along the top of a pixel, so starting at those finds them all.
 */
export function trace(bits, width, height, left, top) {
  const at = (x, y) => x >= 0 && y >= 0 && x < width && y < height && bits[y * width + x] === 1;
  const seen = new Uint8Array(width * height);
  let path = "";
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if (at(x, y) && !at(x, y - 1) && !seen[y * width + x]) {
        path += written(simplified(follow(at, seen, width, x, y)), left, top);
      }
    }
  }
  return path;
}

function follow(at, seen, width, startX, startY) {
  const corners = [];
  let [x, y, heading] = [startX, startY, 0];
  do {
    if (heading === 0) seen[y * width + x] = 1;
    x += STEPS[heading][0];
    y += STEPS[heading][1];
    const turn = turnAt(at, x, y, heading);
    if (turn) corners.push([x, y]);
    heading = (heading + turn + 4) % 4;
  } while (x !== startX || y !== startY || heading !== 0);
  return corners;
}

/** 1 to the right, -1 to the left, 0 straight on. */
function turnAt(at, x, y, heading) {
  const aheadRight = [at(x, y), at(x - 1, y), at(x - 1, y - 1), at(x, y - 1)][heading];
  if (!aheadRight) return 1;
  const aheadLeft = [at(x, y - 1), at(x, y), at(x - 1, y), at(x - 1, y - 1)][heading];
  return aheadLeft ? -1 : 0;
}

/** A closed contour with the corners left out that are within the tolerance of a chord (Ramer, Douglas, Peucker). */
function simplified(corners) {
  if (corners.length <= 4) return corners;
  const first = corners[0];
  let far = 0;
  corners.forEach((corner, index) => {
    if (distance2(corner, first) > distance2(corners[far], first)) far = index;
  });
  const ring = [...corners, first];
  const kept = new Uint8Array(ring.length);
  kept[0] = kept[far] = 1;
  const spans = [[0, far], [far, ring.length - 1]];
  while (spans.length) {
    const [from, to] = spans.pop();
    const worst = farthest(ring, from, to);
    if (worst > 0) {
      kept[worst] = 1;
      spans.push([from, worst], [worst, to]);
    }
  }
  const rest = corners.filter((_, index) => kept[index]);
  return rest.length > 2 ? rest : corners;
}

/** The corner between two others that is farthest from their chord; 0 if none is beyond the tolerance. */
function farthest(ring, from, to) {
  const [ax, ay] = ring[from];
  const [dx, dy] = [ring[to][0] - ax, ring[to][1] - ay];
  const length = Math.hypot(dx, dy) || 1;
  let [worst, most] = [0, TOLERANCE];
  for (let index = from + 1; index < to; index++) {
    const off = Math.abs((ring[index][0] - ax) * dy - (ring[index][1] - ay) * dx) / length;
    if (off > most) [worst, most] = [index, off];
  }
  return worst;
}

const distance2 = ([ax, ay], [bx, by]) => (ax - bx) ** 2 + (ay - by) ** 2;

function written(corners, left, top) {
  return `M${corners.map(([x, y]) => `${x + left} ${y + top}`).join("L")}Z`;
}
