/** Exporting what is selected in a format of the field. */

import { download } from "./api.js";
import { answerTo, h, toast } from "./dom.js";
import { gettext, ngettext, number } from "./i18n.js";

const MOST = 500; // ids in one request
const FORMATS = [
  ["coco", "COCO", gettext("JSON with masks, boxes and categories")],
  ["yolo", "YOLO", gettext("ZIP of outlines as polygons, for training")],
  ["voc", "Pascal VOC", gettext("ZIP of XML files and masks")],
  ["csv", "CSV", gettext("a table of segments, for spreadsheets")],
  ["cutouts", gettext("Cut-outs"), gettext("ZIP of PNGs with a transparent background")],
  ["parquet", "Parquet", gettext("vectors of segments, for other programs")],
];

/** Ask for a format, and have the browser download the segments or, without any, all those of the photos; whether it does. */
export async function exportSelected(photos, segments) {
  const [ids, what] = segments.length ? [segments, "segments"] : [photos, "photos"];
  if (ids.length > MOST) {
    const most = { most: number(MOST) };
    toast(segments.length ? gettext("Select up to %(most)s segments to export them at once.", most) : gettext("Select up to %(most)s photos to export them at once.", most));
    return false;
  }
  const format = await askForFormat(segments.length
    ? ngettext("Export %(num)s segment", "Export %(num)s segments", ids.length)
    : ngettext("Export %(num)s photo", "Export %(num)s photos", ids.length));
  if (!format) return false;
  try {
    await download(`/export?format=${format}&${what}=${ids.join(",")}`);
    return true;
  } catch (problem) {
    toast(gettext("The export failed: %(why)s", { why: problem.message }), { wait: 10000 });
    return false;
  }
}

async function askForFormat(title) {
  const choice = ([value, name, words], at) =>
    h("label", {}, h("input", { type: "radio", name: "format", value, checked: at === 0, autofocus: at === 0 }), h("span", {}, h("b", {}, name), ` – ${words}`));
  const button = (value, kind, words) => h("button", { class: `button ${kind}`, value }, words);
  const form = h("form", { method: "dialog", class: "tagging" },
    h("h2", { id: "export-title" }, title),
    h("div", { role: "radiogroup", "aria-labelledby": "export-title", class: "formats" }, FORMATS.map(choice)),
    h("p", { class: "choices" }, button("export", "primary", gettext("Export")), button("", "", gettext("Cancel"))));
  const dialog = h("dialog", { "aria-labelledby": "export-title" }, form);
  return (await answerTo(dialog)) ? new FormData(form).get("format") : null;
}
