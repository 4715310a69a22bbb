/** What was marked right and wrong, pinned above the results: each mark can be switched or taken back. */

import { $, h, icon, looksOnly } from "./dom.js";
import { SIDES } from "./marks.js";

const NAMES = { relevant: ["Right", "check"], irrelevant: ["Wrong", "close"] };
const opposite = (side) => SIDES.find((each) => each !== side);

/** The tray, or null if nothing was marked. Marks are `fixed` in an earlier round. */
export function trayOf(marks, { fixed }) {
  const groups = SIDES.map((side) => groupOf(marks, side, fixed || looksOnly)).filter(Boolean);
  return groups.length ? h("div", { class: "tray" }, groups) : null;
}

/** Put the tray of `root` in the place of the one before: lists stay scrolled, and the button in use keeps the focus. */
export function keepingPlace(root, change) {
  const focused = root.contains(document.activeElement) ? document.activeElement.dataset.act : null;
  const scrolled = SIDES.map((side) => $(`.tray .${side} ul`, root)?.scrollLeft ?? 0);
  change();
  SIDES.forEach((side, at) => $(`.tray .${side} ul`, root)?.scrollTo({ left: scrolled[at], behavior: "instant" }));
  if (focused) $(`[data-act="${focused}"]`, root)?.focus({ preventScroll: true });
}

function groupOf(marks, side, isFixed) {
  const segments = marks.on(side);
  if (!segments.length) return null;
  const [name, sign] = NAMES[side];
  const count = segments.filter((segment) => marks.of(segment)).length;
  return h("section", { class: side, "aria-label": `Marked ${name.toLowerCase()}` },
    h("h2", {}, h("span", { class: `sign ${side}` }, icon(sign)), `${name} (${count})`),
    h("ul", {}, segments.map((segment) => itemOf(marks, segment, side, isFixed))));
}

function itemOf(marks, segment, side, isFixed) {
  const isGone = marks.of(segment) === null;
  const picture = h("img", { src: `/api/v1/segments/${segment}/crop`, alt: `Segment ${segment}`, loading: "lazy", decoding: "async" });
  const button = (act, sign, words, click) =>
    h("button", { type: "button", class: act, "data-act": `${act}-${segment}`, title: words, "aria-label": `${words}: segment ${segment}`, click }, icon(sign));
  const [, sign] = NAMES[opposite(side)];
  const back = isGone ? ["undo", "Mark it again"] : ["trash", "Take back"];
  return h("li", { class: [isGone && "withdrawn", marks.isChanged(segment) && "changed"].filter(Boolean).join(" "), "data-segment": segment },
    h("a", { href: `/search?segment=${segment}`, title: "Search with this segment" }, picture),
    !isFixed && button("other", sign, `Mark ${NAMES[opposite(side)][0].toLowerCase()} instead`, () => marks.toggle(segment, opposite(side))),
    !isFixed && button("back", ...back, () => marks.toggle(segment, side)));
}
