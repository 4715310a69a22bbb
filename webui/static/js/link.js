/** Copying a link to a search. Its query photos are kept with it, which otherwise expire after a day. */

import { keepQuery } from "./api.js";
import { h, icon, toast } from "./dom.js";
import { gettext } from "./i18n.js";

/** The query photos that a search needs. */
const queriesOf = ({ query, positive }) =>
  [...new Set([query, ...positive.map((ref) => ref.query)])].filter((id) => id !== null && id !== undefined);

export const linkButton = (asked) =>
  h("button", { class: "button", type: "button", name: "link", title: gettext("Copy a link to this search"), click: () => copyLink(asked) },
    icon("link"), h("span", {}, gettext("Copy link")));

async function copyLink(asked) {
  const queries = queriesOf(asked);
  try {
    await Promise.all(queries.map(keepQuery));
  } catch (problem) {
    return toast(gettext("The link was not copied, because it would stop working: %(why)s", { why: problem.message }), { wait: 10000 });
  }
  const kept = queries.length ? gettext("The photo you searched with is kept for it.") : "";
  try {
    await navigator.clipboard.writeText(location.href);
    toast([gettext("Link copied."), kept].filter(Boolean).join(" "));
  } catch {
    offer(location.href, kept); // browsers copy on encrypted and local pages only
  }
}

/** Show the link, to be copied by hand. */
function offer(link, kept) {
  const field = h("input", { id: "link", type: "text", readonly: true, value: link, autofocus: true, focus: () => field.select() });
  const dialog = h("dialog", { "aria-labelledby": "link-title" },
    h("form", { method: "dialog", class: "tagging" },
      h("h2", { id: "link-title" }, gettext("Copy this link")),
      h("label", { for: "link" }, gettext("Link")), field,
      kept && h("p", { class: "hint" }, kept),
      h("p", { class: "choices" }, h("button", { class: "button" }, gettext("Close")))));
  dialog.addEventListener("click", ({ target }) => target === dialog && dialog.close());
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}
