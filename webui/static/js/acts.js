/** What can be done with a result: search for more like it, not like it, add it to the search, open its photo. */

import { baseOf, isHere } from "./base.js";
import { h, icon } from "./dom.js";
import { gettext } from "./i18n.js";
import { anew, empty, withExample } from "./refs.js";

const ACTS = [
  ["like", "search", gettext("More like this")],
  ["not", "minus", gettext("Not this")],
  ["add", "plus", gettext("Add to the search")],
];

/** Where the photo of a result is shown, with the segment in the light. */
export const photoOf = ({ image_id: photo, segment_id: segment, fallback, ...result }) =>
  `${baseOf(result)}/photos/${photo}${segment === null || fallback ? "" : `#s${segment}`}`;

/** Buttons for a result, with their words if `worded`; `onAct` hears of (result, name). */
export function actButtons(result, onAct, { worded = false } = {}) {
  const inside = (sign, words) => [icon(sign), worded ? words : null];
  const named = (words) => (worded ? {} : { title: words, "aria-label": gettext("%(action)s: photo %(photo)s", { action: words, photo: result.image_id }) });
  const kind = worded ? "button" : null;
  const buttons = ACTS.filter(([name]) => name === "like" || isHere(result)).map(([name, sign, words]) =>
    h("button", { class: kind, type: "button", "data-act": name, ...named(words), click: () => onAct(result, name) }, ...inside(sign, words)));
  return [...buttons, h("a", { class: kind, "data-act": "open", href: photoOf(result), ...named(gettext("Open the photo")) }, ...inside("right", gettext("Open the photo")))];
}

/** What is asked for after one of them. */
export function askedAfter(asked, { image_id: image, segment_id: segment }, name) {
  const ref = segment === null ? { image } : { segment };
  if (name === "like") return { ...empty(), group: asked.group, quality: asked.quality, everywhere: asked.everywhere, positive: [ref] };
  return withExample(anew(asked), ref, name === "not" ? "negative" : "positive");
}
