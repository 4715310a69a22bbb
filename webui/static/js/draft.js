/** The query that one adds to while looking at photos. It is kept in this tab, as the address of a search. */

import { $, h } from "./dom.js";
import { gettext, ngettext } from "./i18n.js";
import { empty, format, isAsked, parse, withExample } from "./refs.js";

const KEY = "query";

/** Note what is searched for; what is added on the page of a photo is added to it. */
export const noteQuery = (asked) => keep({ address: format(asked), changed: false });

const keep = (draft) => sessionStorage.setItem(KEY, JSON.stringify(draft));

const kept = () => {
  const { address, changed } = JSON.parse(sessionStorage.getItem(KEY)) ?? { address: "", changed: false };
  return { asked: address ? parse(address.slice(address.indexOf("?"))) : empty(), changed };
};

/** Add a segment to the query, as "positive" or "negative" example. */
export function addToQuery(segment, side) {
  keep({ address: format(withExample(kept().asked, { segment }, side)), changed: true });
  showDraft();
}

/** Show what the query has become by what was added to it; nothing where nothing was. */
export function showDraft() {
  const { asked, changed } = kept();
  const line = $("#draft");
  line.hidden = !changed;
  if (!changed) return line.replaceChildren();
  const { positive, negative, text } = asked;
  const parts = [
    positive.length && ngettext("%(num)s example", "%(num)s examples", positive.length),
    text && gettext("“%(text)s”", { text }),
    negative.length && ngettext("not %(num)s example", "not %(num)s examples", negative.length),
  ].filter(Boolean);
  const search = isAsked(asked)
    ? h("a", { class: "button", href: format(asked) }, gettext("Show results"))
    : h("span", { class: "hint" }, gettext("Add what to look for, too."));
  const clear = h("button", { class: "quiet", type: "button", click: () => {
    sessionStorage.removeItem(KEY);
    showDraft();
  } }, gettext("Clear"));
  line.replaceChildren(h("span", {}, gettext("Query: %(parts)s", { parts: parts.join(", ") })), search, clear);
}
