/** A photo in the timeline: its picture or what has become of it, and a box to select it with. */

import { base } from "./base.js";
import { h, looksOnly } from "./dom.js";
import { gettext, ngettext } from "./i18n.js";
import { clock } from "./moments.js";

/** Instead of a picture that cannot be had. */
const named = ({ target }) => target.hasAttribute("src") && target.replaceWith(h("strong", { class: "tile" }, target.alt));

const STATES = { pending: gettext("pending"), working: gettext("being segmented") };

export function cardOf(photo) {
  const { id, state, name, segments, missing, error, duration_s: duration } = photo;
  const shown = state === "indexed" || state === "empty";
  const inside = shown
    ? h("img", { src: `${base}/api/v1/images/${id}/thumbnail`, alt: name, decoding: "async", draggable: "false", error: named })
    : h("span", { class: "tile" }, h("strong", {}, name), state === "failed" ? error : STATES[state]);
  const badge = missing ? gettext("file missing") : state === "empty" ? gettext("no segments") : duration != null ? `▶ ${clock(duration)}` : null;
  const foot = state === "indexed" && duration == null ? `${name} · ${ngettext("%(num)s segment", "%(num)s segments", segments)}` : shown ? name : null;
  return h("li", { class: "card", "data-id": id, "data-state": state },
    h("a", { class: "shot", href: `${base}/photos/${id}`, title: name, tabindex: "-1",
      "data-badge": badge, "data-missing": missing, "data-foot": foot }, inside),
    !looksOnly && h("input", { class: "pick", type: "checkbox", tabindex: "-1", "aria-label": gettext("Select %(name)s", { name }) }));
}

/** Whether a card would look the same. */
export const isSame = (one, other) =>
  ["id", "state", "name", "segments", "missing", "error", "duration_s"].every((key) => one[key] === other[key]);
