/** The photo that is searched from: the one that the first example is of, or a query photo. */

import { isHere } from "./base.js";
import { anew, empty, withExample } from "./refs.js";

export class Source {
  #owners; // the photo of each segment that has been heard of

  /** `owners` are pairs of a segment and its photo. */
  constructor(owners) {
    this.#owners = new Map(owners);
  }

  /** Take note of the photos of results' segments. */
  learn(results) {
    for (const { segment_id: segment, image_id: image } of results.filter(isHere)) if (segment !== null) this.#owners.set(segment, image);
  }

  /** {kind: "query" | "image", id} of what is asked for, or null. */
  of({ positive: [first], query }) {
    if (query !== null) return { kind: "query", id: query };
    const image = first?.image ?? this.#owners.get(first?.segment);
    return image === undefined ? null : { kind: "image", id: image };
  }

  /** Whether an example is of this photo. */
  belongs = (ref, { kind, id }) =>
    kind === "query" ? ref.query === id : ref.image === id || (ref.query === undefined && this.#owners.get(ref.segment) === id);

  /** What is asked for when something was picked in the photo: it takes the place of what was picked there before, or comes beside it. */
  picked(asked, { add, whole, nothing, things, within = null, ...place }) {
    const source = this.of(asked);
    const photo = { [source.kind]: source.id };
    if (nothing || things) {
      const alone = source.kind === "query" ? { query: source.id } : { positive: [photo] };
      return { ...empty(), ...alone, things: Boolean(things), within };
    }
    const isStored = source.kind === "image" && place.segment !== undefined;
    if (isStored) this.#owners.set(place.segment, source.id);
    const ref = whole ? photo : isStored ? place : { ...photo, ...place };
    const kept = add ? asked.positive : asked.positive.filter((other) => !this.belongs(other, source));
    const next = withExample({ ...anew(asked), positive: kept }, ref);
    return { ...next, positive: [ref, ...next.positive.filter((other) => other !== ref)] };
  }
}
