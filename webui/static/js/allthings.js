/** A search for all things of a photo: a row of results for each. */

import { photoOf } from "./acts.js";
import { patiently, searchAll } from "./api.js";
import { cropOf } from "./crop.js";
import { announce, h, icon } from "./dom.js";
import { gettext, ngettext } from "./i18n.js";
import { noteResults } from "./origin.js";
import { body, empty, format } from "./refs.js";
import { altOf, overlayOf, shaped, shapeOf } from "./result.js";
import { Mask } from "./rle.js";
import { bestThings } from "./things.js";

const MOST = 8; // things
const LIKELY = 12; // results of a thing, if they are likely
const NEAREST = 4; // and if none is

/**
 * Search for each thing of a photo, or of a box of it, in one request, and show what was found. `source` is where the
 * photo is from, {kind: "query" | "image", id}; `onPoint` hears of the segment whose row is pointed at, or of null.
 * Resolves to the number of things.
 */
export async function showAllThings(root, photo, { source, within, signal, onPoint }) {
  const rows = bestThings(photo, MOST, within).map((segment) => rowOf(photo, segment, source, onPoint));
  root.replaceChildren(...rows.map(({ element }) => element));
  if (!rows.length) return 0;
  const tellAll = (problem) => rows.forEach(({ told }) => (told.textContent = problem.message));
  try {
    const ask = () => searchAll(rows.map(({ asked }) => ({ ...body(asked), limit: LIKELY })), signal);
    const { answers } = await patiently(ask, tellAll, { signal });
    rows.forEach((row, at) => row.fill(answers[at]));
  } catch (problem) {
    if (!signal.aborted) tellAll(problem);
  }
  if (!signal.aborted) announce(ngettext("Results for %(num)s thing", "Results for %(num)s things", rows.length));
  return rows.length;
}

function rowOf(photo, segment, source, onPoint) {
  const number = photo.segments.indexOf(segment) + 1;
  const name = segment.label ?? gettext("Segment %(number)s", { number });
  const isQuery = source.kind === "query";
  const ref = isQuery ? { query: source.id, segment: segment.id } : { segment: segment.id };
  const asked = { ...empty(), positive: [ref], query: isQuery ? source.id : null };
  const title = `thing-${segment.id}`;
  const told = h("p", { class: "told" }, gettext("Searching…"));
  const list = h("ul", { class: "found-row", "data-walk": true, "aria-labelledby": title });
  const element = h("section", { class: "thing", "aria-labelledby": title, "data-thing": segment.id,
    pointerenter: () => onPoint(segment.id), pointerleave: () => onPoint(null) },
  h("header", {},
    h("span", { class: "crop" }, cropOf(photo, segment.box_xyxy, new Mask(segment.mask))),
    h("h2", { id: title }, name), told,
    h("a", { class: "button", href: format(asked), "aria-label": gettext("Show all results for %(name)s", { name }) }, gettext("Show all"), icon("right"))),
  list);
  const fill = ({ answer, error }) => {
    const results = answer?.results ?? [];
    const likely = results.filter((each) => each.likely);
    told.textContent = error ? error.detail : saidOf(likely.length, results.length);
    list.replaceChildren(...(likely.length ? likely : results.slice(0, NEAREST)).map((each) => cardOf(each, list)));
  };
  return { element, asked, told, fill };
}

function saidOf(likely, all) {
  if (!all) return gettext("There are no other photos to compare with.");
  if (!likely) return gettext("Probably no other photo shows this. The nearest:");
  return likely === LIKELY ? gettext("%(num)s or more likely photos", { num: LIKELY }) : ngettext("%(num)s likely photo", "%(num)s likely photos", likely);
}

function cardOf(result, list) {
  const alt = altOf(result);
  const link = h("a", { class: "shot", "data-stop": true, href: photoOf(result), click: () => noteResults(list, link) },
    h("img", { src: `/api/v1/images/${result.image_id}/thumbnail`, alt, decoding: "async" }), overlayOf(result, false));
  return shaped(h("li", { class: "result" }, link), shapeOf(result));
}
