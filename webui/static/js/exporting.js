/** Exporting what is selected, or what a concept labels, in a format of the field: at once, or in the background. */

import { download, orderExport } from "./api.js";
import { answerTo, h, toast } from "./dom.js";
import { follow, showExports } from "./exports.js";
import { FORMATS } from "./formats.js";
import { gettext, ngettext, number } from "./i18n.js";

const MOST = 500; // ids in one download
const MOST_ORDERED = 10000; // ids in one export that a worker writes

/** Export the segments or, without any, all those of the photos; whether something came of it. */
export async function exportSelected(photos, segments) {
  const [ids, what] = segments.length ? [segments, "segments"] : [photos, "photos"];
  if (ids.length > MOST_ORDERED) {
    const most = { most: number(MOST_ORDERED) };
    toast(segments.length ? gettext("Select up to %(most)s segments to export them at once.", most) : gettext("Select up to %(most)s photos to export them at once.", most));
    return false;
  }
  const title = segments.length
    ? ngettext("Export %(num)s segment", "Export %(num)s segments", ids.length)
    : ngettext("Export %(num)s photo", "Export %(num)s photos", ids.length);
  return exported(title, { [what]: ids }, { isLarge: ids.length > MOST });
}

/** Export the segments that a concept {id, name} labels. */
export const exportConcept = ({ id, name }) =>
  exported(gettext("Export what is labelled “%(name)s”", { name }), { concept: id }, { isWaited: true });

/** Ask how, and export; those that are large can only be written in the background, and where `isWaited` that is advised. */
async function exported(title, selection, { isLarge = false, isWaited = isLarge }) {
  const chosen = await askFor(title, isLarge, isWaited);
  if (!chosen) return false;
  const { format, inBackground } = chosen;
  try {
    if (!inBackground) await download(`/export?${new URLSearchParams({ format, ...selection })}`);
    else {
      follow(await orderExport({ format, ...selection }));
      showExports();
    }
    return true;
  } catch (problem) {
    toast(gettext("The export failed: %(why)s", { why: problem.message }), { wait: 10000 });
    return false;
  }
}

async function askFor(title, isLarge, isWaited) {
  const choice = ([value, name, words], at) =>
    h("label", {}, h("input", { type: "radio", name: "format", value, checked: at === 0, autofocus: at === 0 }), h("span", {}, h("b", {}, name), ` – ${words}`));
  const button = (value, kind, words) => h("button", { class: `button ${kind}`, value }, words);
  const hint = isLarge
    ? gettext("An export of this size is written in the background. It can be downloaded for a day.")
    : gettext("For large exports: it can be downloaded for a day, and goes on where a download broke off.");
  const background = h("input", { type: "checkbox", name: "background", checked: isWaited, disabled: isLarge, "aria-describedby": "background-hint" });
  const form = h("form", { method: "dialog", class: "tagging" },
    h("h2", { id: "export-title" }, title),
    h("div", { role: "radiogroup", "aria-labelledby": "export-title", class: "formats" }, FORMATS.map(choice)),
    h("div", { class: "background" }, h("label", { class: "tick" }, background, gettext("Write it in the background")), h("p", { class: "hint", id: "background-hint" }, hint)),
    h("p", { class: "choices" }, h("button", { class: "quiet", value: "list" }, gettext("Show exports")), button("", "", gettext("Cancel")), button("export", "primary", gettext("Export"))));
  const answer = await answerTo(h("dialog", { "aria-labelledby": "export-title" }, form));
  if (answer === "list") showExports();
  return answer === "export" ? { format: new FormData(form).get("format"), inBackground: background.checked } : null;
}
