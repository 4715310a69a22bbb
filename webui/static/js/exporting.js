/** Exporting what is selected in a format of the field. */

import { download } from "./api.js";
import { answerTo, h, plural, toast } from "./dom.js";

const MOST = 500; // ids in one request
const FORMATS = [
  ["coco", "COCO", "JSON with masks, boxes and categories"],
  ["yolo", "YOLO", "ZIP of outlines as polygons, for training"],
  ["voc", "Pascal VOC", "ZIP of XML files and masks"],
  ["csv", "CSV", "a table of segments, for spreadsheets"],
  ["cutouts", "Cut-outs", "ZIP of PNGs with a transparent background"],
  ["parquet", "Parquet", "vectors of segments, for other programs"],
];

/** Ask for a format, and have the browser download the segments or, without any, all those of the photos; whether it does. */
export async function exportSelected(photos, segments) {
  const [ids, what] = segments.length ? [segments, "segments"] : [photos, "photos"];
  if (ids.length > MOST) {
    toast(`Select up to ${MOST} ${what} to export them at once.`);
    return false;
  }
  const format = await askForFormat(plural(ids.length, what.slice(0, -1)));
  if (!format) return false;
  try {
    await download(`/export?format=${format}&${what}=${ids.join(",")}`);
    return true;
  } catch (problem) {
    toast(`The ${what} cannot be exported: ${problem.message}`, { wait: 10000 });
    return false;
  }
}

async function askForFormat(what) {
  const choice = ([value, name, words], number) =>
    h("label", {}, h("input", { type: "radio", name: "format", value, checked: number === 0, autofocus: number === 0 }), h("span", {}, h("b", {}, name), ` – ${words}`));
  const button = (value, kind, words) => h("button", { class: `button ${kind}`, value }, words);
  const form = h("form", { method: "dialog", class: "tagging" },
    h("h2", { id: "export-title" }, `Export ${what}`),
    h("div", { role: "radiogroup", "aria-labelledby": "export-title", class: "formats" }, FORMATS.map(choice)),
    h("p", { class: "choices" }, button("export", "primary", "Export"), button("", "", "Cancel")));
  const dialog = h("dialog", { "aria-labelledby": "export-title" }, form);
  return (await answerTo(dialog)) ? new FormData(form).get("format") : null;
}
