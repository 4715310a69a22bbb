/** The segments of a photo as a strip of cut-outs, each a button that searches with its segment. */

import { cropOf } from "./crop.js";
import { h, whenSeen } from "./dom.js";
import { gettext } from "./i18n.js";
import { Mask } from "./rle.js";

const SHOWN = 40;

/** Of a photo; `onPick(segment, event)` hears of a click, and `onPoint(id)` of the one that is pointed at, or null. */
export function stripOf(photo, { onPick, onPoint }) {
  const button = (segment, row) => {
    const name = segment.label ?? gettext("segment %(number)s", { number: row + 1 });
    return h("button", {
      type: "button", "data-segment": segment.id, "data-stop": true, "aria-pressed": "false",
      "aria-label": gettext("Search with %(name)s", { name }),
      click: (event) => onPick(segment, event),
      pointerenter: () => onPoint(segment.id), pointerleave: () => onPoint(null),
      focus: () => onPoint(segment.id), blur: () => onPoint(null),
    }, cutOut(photo, segment));
  };
  const { segments } = photo;
  const group = { role: "group", "aria-label": gettext("Segments of the photo"), hidden: !segments.length };
  return h("div", { class: "strip", "data-walk": true, ...group }, segments.slice(0, SHOWN).map(button));
}

function cutOut(photo, segment) {
  const place = h("span", { class: "crop" });
  whenSeen(place, () => place.replaceChildren(cropOf(photo, segment.box_xyxy, new Mask(segment.mask))));
  return place;
}
