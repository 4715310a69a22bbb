/** The grid of results. */

import { showAlike } from "./alike.js";
import { $, $$, h, keepOnly } from "./dom.js";
import { gettext } from "./i18n.js";
import { aboveLine, inOrder } from "./line.js";
import { showMoments } from "./moments.js";
import { takeUpResults } from "./origin.js";
import { cardOf, keyOf, reasonsFor, shaped, sharedBy } from "./result.js";
import { Selection } from "./selection.js";

const CERTAINTY = { sure: gettext("sure"), likely: gettext("likely"), weak: gettext("weak") };
const EAGER = 12; // results whose photos are fetched at once; those of others as they come into sight
const URGENT = 4; // those that are fetched before all else

/**
 * Show results, keeping the cards of those that are there already; `on` has what is done on cards.
 * Segments are shown in their photos or, as `alone`, cut out; if several are looked for `together`, all of them.
 * Likely results come first, then a `line`, below as many as are to be `above` it; if none is likely, `none` says so.
 */
export function showResults(list, found, { alone, on, parts = [], together = false, line = null, above = null, none = null }) {
  const results = inOrder(found);
  const at = line ? aboveLine(results, above) : results.length;
  const kept = new Map([...list.children].filter((card) => card.dataset.key).map((card) => [card.dataset.key, card]));
  const cards = results.map((result, number) => {
    const card = kept.get(keyOf(result, alone, together)) ?? cardOf(result, alone && result.mask, on, together);
    Object.assign(card, { result, number, together, reasons: reasonsFor(result, parts) });
    card.classList.toggle("unlikely", number >= at);
    if (number < EAGER) Object.assign($("img", card), { loading: "eager", fetchPriority: number < URGENT ? "high" : "auto" });
    const name = result.fallback ? gettext("whole photo") : result.label ?? sharedBy(result, parts);
    const said = [CERTAINTY[result.certainty] ?? (line && (number < at ? gettext("likely") : gettext("less likely"))), !together && name].filter(Boolean);
    const score = $(".score", card);
    score.replaceChildren(...said.map((words) => h("span", {}, words)));
    score.hidden = said.length === 0;
    score.title = card.reasons.join(".\n");
    score.setAttribute("aria-label", gettext("%(words)s: preview with reasons", { words: said.join(", ") }));
    showAlike(card, result);
    showMoments(card, result);
    return card;
  });
  if (line && results.length > 1) {
    const words = at === 0 && none ? gettext("%(why)s. The nearest:", { why: none }) : at === results.length ? gettext("All of these are likely") : gettext("Less likely");
    line.place(at, results.length, above === null ? words : at === results.length ? gettext("Nothing below") : gettext("Less likely"), above !== null);
    cards.splice(at, 0, ...line.elements);
  }
  const place = [...list.children].findIndex((card) => card.contains(document.activeElement));
  keepOnly(list, cards);
  if (place >= 0 && document.activeElement === document.body) refocus(cards, place);
  takeUpResults(list);
}

/** The result that had the focus has gone: the focus goes to the one in its place. */
function refocus(cards, place) {
  const shots = (some) => some.map((card) => $(".shot", card)).filter(Boolean);
  (shots(cards.slice(0, place + 1)).at(-1) ?? shots(cards)[0])?.focus({ preventScroll: true });
}

/** A selection among the results in a list. */
export function selectResults(list) {
  const cards = () => $$(".result", list);
  const among = (keys) => cards().filter((card) => keys.includes(card.dataset.key)).map((card) => card.result);
  return new Selection(list, {
    key: (card) => card.dataset.key,
    count: () => cards().length,
    between: async (from, to) => cards().slice(from, to).map((card) => card.dataset.key),
    photos: (keys) => [...new Set(among(keys).map((result) => result.image_id))],
    segments: (keys) => among(keys).filter((result) => result.segment_id !== null && !result.fallback).map((result) => result.segment_id),
  });
}

/** Where no results are shown yet, cards without photos in a list of their own: what takes their place may lie elsewhere. */
export function showSkeleton(list, results) {
  if (results.children.length) return;
  const shapes = [1.4, 0.75, 1.3, 1.5, 0.8, 1.33, 1, 1.4, 0.7, 1.5, 1.33, 1.2];
  const card = () => h("li", { class: "card skeleton", "aria-hidden": "true" }, h("span", { class: "shot" }));
  list.replaceChildren(...shapes.map((shape) => shaped(card(), shape)));
}
