/** Lines that are drawn by hand: fewer points, and a lasso that does not cross itself. */

const MOST = 100; // corners of a lasso
const SPACING = 24; // screen pixels between the points that a stroke leaves

/** A lasso from a drawn line: the loop that it closes, with few corners; null where it encloses nothing. */
export function lassoOf(line, tolerance) {
  const loop = largestLoop(thinned(line, tolerance / 2));
  for (let off = tolerance; ; off *= 1.5) {
    const corners = largestLoop(withoutRepeats(straightened(loop, off).map((point) => point.map(Math.round))));
    if (corners.length < 3 || areaOf(corners) < 4) return null;
    if (corners.length <= MOST && !crossing(corners, true)) return corners;
    if (off > 1000 * tolerance) return null;
  }
}

/** The points that a stroke leaves, its ends included; `scale` is pixels of the photo in one of the screen. */
export const pointsOf = (line, scale) => thinned(line, SPACING * scale).map((point) => point.map(Math.round));

function thinned(line, spacing) {
  const kept = [line[0]];
  for (const point of line) if (distance(point, kept.at(-1)) >= spacing) kept.push(point);
  return kept;
}

const distance = ([x, y], [u, v]) => Math.hypot(x - u, y - v);

/** The largest of the loops that a line makes where it crosses itself; the whole line, closed, where it does not. */
function largestLoop(line) {
  const found = crossing(line, true);
  if (!found) return line;
  const [first, second] = found;
  const inner = line.slice(first + 1, second + 1);
  const outer = [...line.slice(0, first + 1), ...line.slice(second + 1)];
  const [a, b] = [inner, outer].sort((one, other) => areaOf(other) - areaOf(one));
  return largestLoop(a.length > 2 ? a : b);
}

/** Numbers of the first two sides that cross, or null; with `closed` the last point is joined to the first. */
function crossing(line, closed) {
  const sides = closed ? line.length : line.length - 1;
  const at = (number) => line[number % line.length];
  for (let a = 0; a < sides; a++) {
    for (let b = a + 2; b < sides; b++) {
      if (closed && a === 0 && b === sides - 1) continue;
      if (crosses(at(a), at(a + 1), at(b), at(b + 1))) return [a, b];
    }
  }
  return null;
}

const side = ([ax, ay], [bx, by], [cx, cy]) => Math.sign((bx - ax) * (cy - ay) - (by - ay) * (cx - ax));

const crosses = (a, b, c, d) => side(a, b, c) * side(a, b, d) < 0 && side(c, d, a) * side(c, d, b) < 0;

const areaOf = (corners) =>
  Math.abs(corners.reduce((sum, [x, y], at) => {
    const [u, v] = corners[(at + 1) % corners.length];
    return sum + x * v - u * y;
  }, 0)) / 2;

const withoutRepeats = (corners) =>
  corners.filter(([x, y], at) => {
    const [u, v] = corners[(at + 1) % corners.length];
    return x !== u || y !== v;
  });

/** A line without the points that are within a distance of a chord (Ramer, Douglas, Peucker). */
function straightened(line, off) {
  if (line.length < 4) return line;
  const kept = new Set([0, line.length - 1]);
  const spans = [[0, line.length - 1]];
  while (spans.length) {
    const [from, to] = spans.pop();
    let [worst, most] = [0, off];
    for (let at = from + 1; at < to; at++) {
      const away = awayFrom(line[at], line[from], line[to]);
      if (away > most) [worst, most] = [at, away];
    }
    if (!worst) continue;
    kept.add(worst);
    spans.push([from, worst], [worst, to]);
  }
  return line.filter((_, at) => kept.has(at));
}

/** The distance of a point from a chord, from its first end where both are one. */
function awayFrom(point, from, to) {
  const [dx, dy] = [to[0] - from[0], to[1] - from[1]];
  const length = Math.hypot(dx, dy);
  if (!length) return distance(point, from);
  return Math.abs((point[0] - from[0]) * dy - (point[1] - from[1]) * dx) / length;
}
