/** Near-duplicates that a result stands for: how many there are on its card, and the photos themselves. */

import { baseOf } from "./base.js";
import { $, answerTo, h, icon } from "./dom.js";
import { gettext, ngettext, number } from "./i18n.js";

/** Show on a card how many near-duplicates its result stands for, if any. */
export function showAlike(card, result) {
  const count = result.alike?.length ?? 0;
  const chip = $(".alike", card);
  if (!count) return chip?.remove();
  const words = gettext("+%(num)s alike", { num: number(count) });
  const title = ngettext("%(num)s near-duplicate of photo %(photo)s", "%(num)s near-duplicates of photo %(photo)s", count, { photo: result.image_id });
  if (chip) chip.replaceChildren(words);
  else card.append(h("button", { class: "alike", type: "button", title, "aria-label": `${words}: ${title}`, click: () => open(card.result) }, words));
}

/** All photos of a result, the one that was found first. */
function open({ image_id: best, alike, ...result }) {
  const base = baseOf(result);
  const photo = (id, at) =>
    h("li", {}, h("a", { href: `${base}/photos/${id}` }, h("img", { src: `${base}/api/v1/images/${id}/thumbnail`, alt: gettext("Photo %(id)s", { id }) }), at === 0 && h("span", { class: "badge" }, gettext("in the results"))));
  const title = ngettext("%(num)s near-duplicate", "%(num)s near-duplicates", alike.length);
  answerTo(h("dialog", { class: "wide", "aria-labelledby": "alike-title" },
    h("form", { method: "dialog" },
      h("header", {}, h("h2", { id: "alike-title" }, title),
        h("button", { class: "quiet round", title: gettext("Close (Esc)"), "aria-label": gettext("Close (Esc)") }, icon("close"))),
      h("ul", { class: "alike-photos" }, [best, ...alike].map(photo)),
      h("p", {}, h("a", { href: `${base}/duplicates` }, gettext("Review all duplicates"))))));
}

/** How many near-duplicates results stand for, as a switch to list each of them; null where there are none. `onChange` hears {copies}. */
export function copiesSwitch({ copies, group }, results, onChange) {
  const count = results.reduce((sum, { alike }) => sum + (alike?.length ?? 0), 0);
  if (group !== "image" || !(copies || count)) return null;
  const words = copies ? gettext("Group near-duplicates") : ngettext("Show %(num)s near-duplicate", "Show %(num)s near-duplicates", count);
  return h("button", { class: "quiet", type: "button", name: "copies", click: () => onChange({ copies: !copies }) }, icon(copies ? "layers" : "grid"), words);
}
