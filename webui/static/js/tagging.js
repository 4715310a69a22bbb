/** Asking for a tag that photos are to get or to lose. */

import { listTags } from "./api.js";
import { answerTo, h } from "./dom.js";
import { gettext, ngettext } from "./i18n.js";

/** Resolves to {add: [name]} or {remove: [name]}, or to null. */
export async function askForTag(photos) {
  const name = h("input", { id: "tag-name", type: "text", list: "known-tags", maxlength: "100", autocomplete: "off", required: true, autofocus: true });
  const known = h("datalist", { id: "known-tags" });
  const button = (value, kind, words, more = {}) => h("button", { class: `button ${kind}`, value, ...more }, words);
  const remove = button("remove", "", gettext("Remove tag"), { hidden: true });
  const dialog = h("dialog", { "aria-labelledby": "tag-title" },
    h("form", { method: "dialog", class: "tagging" },
      h("h2", { id: "tag-title" }, ngettext("Tag %(num)s photo", "Tag %(num)s photos", photos)),
      h("label", { for: "tag-name" }, gettext("Tag")), name, known,
      h("p", { class: "choices" }, button("add", "primary", gettext("Add tag")), remove, button("", "", gettext("Cancel"), { formnovalidate: true }))));
  offer(known, remove).catch(() => {}); // a tag can be typed without
  const change = await answerTo(dialog);
  const tag = name.value.trim();
  return tag && change ? { [change]: [tag] } : null;
}

async function offer(known, remove) {
  const { tags } = await listTags();
  known.append(...tags.map((tag) => h("option", { value: tag.name })));
  remove.hidden = tags.length === 0;
}
