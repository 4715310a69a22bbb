/** The card of a result: its photo, what was found there, and marks to judge and to select it. */

import { actButtons, photoOf } from "./acts.js";
import { baseOf, isHere } from "./base.js";
import { h, icon, looksOnly, s, whenSeen } from "./dom.js";
import { gettext, ngettext, number, percent } from "./i18n.js";
import { noteResults } from "./origin.js";
import { Mask } from "./rle.js";

const COLOURS = 5; // of parts, in the style sheets

export const keyOf = (result, alone, together) =>
  `${result.image_id}-${together || result.segment_id === null ? result.matched.map((part) => part.segment_id) : result.segment_id}-${alone}${result.collection === undefined ? "" : `-of-${result.collection}`}`;

/** The reasons for a result, with its numbers, as lines. */
export function reasonsFor(result, parts) {
  const { score, label, fallback, quality, matched, probability, evidence } = result;
  const lines = [gettext("Similarity: %(score)s (at most 1)", { score: number(score, 2) })];
  if (probability !== null) lines.push(gettext("Probability that the photo shows it: %(percent)s", { percent: percent(probability) }));
  if (evidence) {
    lines.push(gettext("Colours agree by %(percent)s", { percent: percent(evidence.colors) }));
    lines.push(ngettext("%(num)s detail agrees", "%(num)s details agree", evidence.features));
  }
  const shared = sharedBy(result, parts);
  if (shared) lines.unshift(gettext("Shares %(things)s", { things: shared }));
  if (fallback) lines.unshift(gettext("No segment matched: the whole photo was compared"));
  for (const { part, score, nearest } of matched) {
    const told = { name: parts[part] ?? gettext("this"), score: number(score, 2), nearest };
    lines.push(nearest && nearest !== parts[part] ? gettext("%(name)s: %(score)s, as %(nearest)s", told) : gettext("%(name)s: %(score)s", told));
  }
  if (label) lines.push(gettext("Labelled %(label)s", { label }));
  if (quality !== null) lines.push(gettext("Segment quality: %(quality)s", { quality: number(quality, 2) }));
  return lines;
}

const UNNAMED = /^segment \d+$/; // what the server calls a thing without a label

/** The things that a photo shares, if photos are compared by things: those with a name, and how many others; "" if none. */
export function sharedBy({ segment_id: segment, matched }, parts) {
  const things = segment === null ? [...new Set(matched.map(({ part }) => parts[part]))] : [];
  const words = things.filter((thing) => !UNNAMED.test(thing)).join(", ");
  const num = things.filter((thing) => UNNAMED.test(thing)).length;
  if (num === 0) return words;
  return words ? gettext("%(words)s and %(num)s more", { words, num }) : ngettext("%(num)s thing", "%(num)s things", num);
}

/** Judgements are of one collection. */
export const canJudge = (result) => !looksOnly && result.collection === undefined;

/** What a picture of a result shows, in words. */
export const altOf = ({ image_id: photo, label }) =>
  label ? gettext("Photo %(photo)s, %(label)s", { photo, label }) : gettext("Photo %(id)s", { id: photo });

/** `on` has what is done on the card: `vote`, `act`, and `preview` of the card. */
export function cardOf(result, alone, on, together) {
  const { image_id: photo, segment_id: segment } = result;
  const source = `${baseOf(result)}/api/v1/${alone ? `segments/${segment}/crop` : `images/${photo}/thumbnail`}`;
  const alt = altOf(result);
  const picture = h("img", { src: source, alt, loading: "lazy", decoding: "async" });
  const vote = (side, sign, words) => {
    const named = { title: words, "aria-label": gettext("%(action)s: photo %(photo)s", { action: words, photo }) };
    const state = { class: side, "aria-pressed": "false", click: () => on.vote(result, side) };
    return h("button", { type: "button", ...named, ...state }, icon(sign));
  };
  const noted = ({ target }) => target.closest('[href*="/photos/"]') && noteResults(card.parentElement, card.querySelector(".shot"));
  const card = h("li", { class: "card result", "data-key": keyOf(result, Boolean(alone), together), "data-segment": segment, click: noted },
    h("a", { class: "shot", "data-stop": true, href: photoOf(result) }, picture, result.where && h("span", { class: "badge where" }, result.where)),
    !looksOnly && isHere(result) && h("input", { class: "pick", type: "checkbox", tabindex: "-1", "aria-label": gettext("Select photo %(photo)s", { photo }) }),
    h("span", { class: "acts" }, actButtons(result, on.act)),
    h("button", { class: "score", type: "button", click: () => on.preview(card) }),
    canJudge(result) && h("span", { class: "votes" }, vote("relevant", "check", gettext("Right")), vote("irrelevant", "close", gettext("Wrong"))));
  const view = alone ? cropView(new Mask(result.mask)) : null;
  if (result.mask || shares(result)) whenSeen(card, () => card.querySelector(".shot").append(overlayOf(result, together, view)));
  return shaped(card, view ? view[2] / view[3] : shapeOf(result));
}

/** Width over height of the photo: masks cover it, and so do the boxes of whole photos. */
export function shapeOf({ mask, box_xyxy: [x0, y0, x1, y1] }) {
  const shape = mask ? mask.size[1] / mask.size[0] : (x1 - x0) / (y1 - y0);
  return shape || 1.333;
}

/** What the server's cut-out of a segment shows, [x, y, width, height] in the mask's frame: its box and a margin. */
function cropView({ bounds: [x0, y0, x1, y1], width, height }) {
  const margin = Math.max(2, 0.06 * Math.max(x1 - x0, y1 - y0));
  const [left, top] = [Math.max(0, x0 - margin), Math.max(0, y0 - margin)];
  return [left, top, Math.min(width, x1 + margin) - left, Math.min(height, y1 + margin) - top];
}

export function shaped(card, shape) {
  card.style.setProperty("--shape", Math.min(Math.max(shape, 0.31), 3.2).toFixed(3));
  return card;
}

/** Whether a photo has things that it shares, with their masks. */
const shares = ({ segment_id: segment, matched }) => segment === null && matched.some(({ mask }) => mask);

/** What was found in the light and the rest of the photo, or of a `view` of it, in the shade; null if it has no mask. */
export function overlayOf(result, together, view = null) {
  if (!result.mask && !shares(result)) return null;
  const parts = together || shares(result) ? result.matched.filter(({ mask }) => mask).map(({ mask, part }) => [mask, `found part-${part % COLOURS}`]) : [[result.mask, "found"]];
  if (!parts.length) return null;
  const marked = parts.map(([mask, name]) => [new Mask(mask), name]);
  const [[{ width, height, outline }]] = marked;
  const frame = { viewBox: (view ?? [0, 0, width, height]).join(" "), preserveAspectRatio: "xMidYMid slice" };
  return s("svg", { class: "overlay", ...frame, "aria-hidden": "true" },
    result.mask && marked.length === 1 && s("path", { class: "shade", d: `M0 0H${width}V${height}H0Z${outline}` }),
    marked.map(([mask, name]) => {
      const transform = `scale(${width / mask.width} ${height / mask.height})`; // those of imported segments differ
      return s("path", { class: name, d: mask.outline, transform });
    }));
}
