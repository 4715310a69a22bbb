/** A search for all things of a photo: a row of results for each. */

import { photoOf } from "./acts.js";
import { patiently, searchThings } from "./api.js";
import { base } from "./base.js";
import { cropOf } from "./crop.js";
import { announce, h, icon } from "./dom.js";
import { gettext, ngettext } from "./i18n.js";
import { noteResults } from "./origin.js";
import { empty, format } from "./refs.js";
import { altOf, overlayOf, shaped, shapeOf } from "./result.js";
import { Mask } from "./rle.js";

const MOST = 8; // things
const LIKELY = 12; // results of a thing, if they are likely
const NEAREST = 4; // and if none is

/**
 * Search for each thing of a photo, or of a box of it, in one request, and show what was found; of a photo without
 * things, what is like all of it. `source` is where the photo is from, {kind: "query" | "image", id}; `onPoint` hears of
 * the segment whose row is pointed at, or of null. Resolves to whether there was anything to search with.
 */
export async function showAllThings(root, photo, { source, within, signal, onPoint }) {
  const told = h("p", { class: "told", role: "status" }, gettext("Searching…"));
  root.replaceChildren(told);
  const asked = { [source.kind]: source.id, most: MOST, limit: LIKELY, masks: "rle", ...(within && { within }) };
  try {
    const { things, whole } = await patiently(() => searchThings(asked, signal), (problem) => (told.textContent = problem.message), { signal });
    if (signal.aborted) return true;
    const rows = things.map(({ segment, answer }) => rowOf(photo, segment, answer, source, onPoint));
    if (whole) rows.push(wholeRow(photo, whole, source));
    root.replaceChildren(...rows);
    if (things.length) announce(ngettext("Results for %(num)s thing", "Results for %(num)s things", things.length));
    return rows.length > 0;
  } catch (problem) {
    if (!signal.aborted) told.textContent = problem.message;
    return true;
  }
}

/** What was found for a thing. */
function rowOf(photo, id, answer, source, onPoint) {
  const segment = photo.segments.find((each) => each.id === id);
  const number = photo.segments.indexOf(segment) + 1;
  const name = segment.label ?? gettext("Segment %(number)s", { number });
  const ref = source.kind === "query" ? { query: source.id, segment: id } : { segment: id };
  const crop = h("span", { class: "crop" }, cropOf(photo, segment.box_xyxy, new Mask(segment.mask)));
  const row = foundRow(`thing-${id}`, { name, crop, ref, source }, answer);
  row.dataset.thing = id;
  row.addEventListener("pointerenter", () => onPoint(id));
  row.addEventListener("pointerleave", () => onPoint(null));
  return row;
}

/** What was found for a photo in which nothing is likely to be a thing. */
function wholeRow(photo, answer, source) {
  const name = gettext("The whole photo");
  const row = foundRow("thing-whole", { name, crop: null, ref: { [source.kind]: source.id }, source }, answer);
  const why = photo.segments.length ? gettext("Nothing in this photo is clearly a thing, so all of it is compared.") : gettext("No segments were found in this photo, so all of it is compared.");
  row.querySelector("header").after(h("p", { class: "hint" }, why));
  return row;
}

function foundRow(title, { name, crop, ref, source }, { results }) {
  const asked = { ...empty(), positive: [ref], query: source.kind === "query" ? source.id : null };
  const likely = results.filter((each) => each.likely);
  const list = h("ul", { class: "found-row", "data-walk": true, "aria-labelledby": title });
  list.append(...(likely.length ? likely : results.slice(0, NEAREST)).map((each) => cardOf(each, list)));
  return h("section", { class: "thing", "aria-labelledby": title },
    h("header", {},
      crop, h("h2", { id: title }, name), h("p", { class: "told" }, saidOf(likely.length, results.length)),
      h("a", { class: "button", href: format(asked), "aria-label": gettext("Show all results for %(name)s", { name }) }, gettext("Show all"), icon("right"))),
    list);
}

function saidOf(likely, all) {
  if (!all) return gettext("There are no other photos to compare with.");
  if (!likely) return gettext("Probably no other photo shows this. The nearest:");
  return likely === LIKELY ? gettext("%(num)s or more likely photos", { num: LIKELY }) : ngettext("%(num)s likely photo", "%(num)s likely photos", likely);
}

function cardOf(result, list) {
  const alt = altOf(result);
  const link = h("a", { class: "shot", "data-stop": true, href: photoOf(result), click: () => noteResults(list, link) },
    h("img", { src: `${base}/api/v1/images/${result.image_id}/thumbnail`, alt, decoding: "async" }), overlayOf(result, false));
  return shaped(h("li", { class: "result" }, link), shapeOf(result));
}
