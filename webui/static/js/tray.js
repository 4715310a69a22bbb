/** What was marked right and wrong, pinned above the results: each mark can be switched or taken back. */

import { base } from "./base.js";
import { $, h, icon, looksOnly } from "./dom.js";
import { gettext } from "./i18n.js";
import { SIDES } from "./marks.js";

const NAMES = { relevant: [gettext("Right"), "check"], irrelevant: [gettext("Wrong"), "close"] };
const MARKED = { relevant: gettext("Marked right"), irrelevant: gettext("Marked wrong") };
const INSTEAD = { relevant: gettext("Mark wrong instead"), irrelevant: gettext("Mark right instead") };
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
  return h("section", { class: side, "aria-label": MARKED[side] },
    h("h2", {}, h("span", { class: `sign ${side}` }, icon(sign)), `${name} (${count})`),
    h("ul", {}, segments.map((segment) => itemOf(marks, segment, side, isFixed))));
}

function itemOf(marks, segment, side, isFixed) {
  const isGone = marks.of(segment) === null;
  const picture = h("img", { src: `${base}/api/v1/segments/${segment}/crop`, alt: gettext("Segment %(number)s", { number: segment }), loading: "lazy", decoding: "async" });
  const button = (act, sign, words, click) =>
    h("button", { type: "button", class: act, "data-act": `${act}-${segment}`, title: words, "aria-label": gettext("%(action)s: segment %(segment)s", { action: words, segment }), click }, icon(sign));
  const [, sign] = NAMES[opposite(side)];
  const back = isGone ? ["undo", gettext("Mark it again")] : ["trash", gettext("Take back")];
  return h("li", { class: [isGone && "withdrawn", marks.isChanged(segment) && "changed"].filter(Boolean).join(" "), "data-segment": segment },
    h("a", { href: `${base}/search?segment=${segment}`, title: gettext("Search with this segment") }, picture),
    !isFixed && button("other", sign, INSTEAD[side], () => marks.toggle(segment, opposite(side))),
    !isFixed && button("back", ...back, () => marks.toggle(segment, side)));
}
