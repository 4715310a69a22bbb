/** The things of a photo: those of its segments that the server takes for things. */

/** At most as many, the best first. */
export function thingsOf({ segments, things }, most) {
  const found = new Map(segments.map((segment) => [segment.id, segment]));
  return things.slice(0, most).map((id) => found.get(id));
}
