/** Dots on the best things of a photo, each a button that searches with its thing. */

import { h } from "./dom.js";
import { gettext } from "./i18n.js";
import { Mask } from "./rle.js";
import { thingsOf } from "./things.js";

const DOTS = 5; // things that are offered on a photo

/** Of a photo; `onPick(segment, event)` hears of a click, and `onPoint(id)` of the dot that is pointed at, or null. */
export function dotsOf(photo, { onPick, onPoint }) {
  const things = thingsOf(photo, DOTS);
  const dot = (segment, at) => {
    const mask = new Mask(segment.mask);
    const [x, y] = mask.middle;
    const name = segment.label ?? gettext("segment %(number)s", { number: photo.segments.indexOf(segment) + 1 });
    const button = h("button", {
      class: "dot", type: "button", "data-stop": true, "data-segment": segment.id, "aria-pressed": "false",
      title: gettext("Search with %(name)s", { name }), "aria-label": gettext("Likely thing %(number)s of %(all)s: %(name)s", { number: at + 1, all: things.length, name }),
      click: (event) => onPick(segment, event),
      pointerenter: () => onPoint(segment.id), pointerleave: () => onPoint(null),
      focus: () => onPoint(segment.id), blur: () => onPoint(null),
    });
    button.style.setProperty("--at-x", x / mask.width);
    button.style.setProperty("--at-y", y / mask.height);
    return button;
  };
  return h("div", { class: "dots", role: "group", "aria-label": gettext("Likely things"), "data-walk": true }, things.map(dot));
}
