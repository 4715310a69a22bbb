/** The formats of exports: what the API calls them, their names, and what they are for. */

import { gettext } from "./i18n.js";

export const FORMATS = [
  ["coco", "COCO", gettext("JSON with masks, boxes and categories")],
  ["yolo", "YOLO", gettext("ZIP of outlines as polygons, for training")],
  ["voc", "Pascal VOC", gettext("ZIP of XML files and masks")],
  ["csv", "CSV", gettext("a table of segments, for spreadsheets")],
  ["cutouts", gettext("Cut-outs"), gettext("ZIP of PNGs with a transparent background")],
  ["youtube-vis", "YouTube-VIS", gettext("JSON of the things in videos, with a mask for each frame")],
  ["parquet", "Parquet", gettext("vectors of segments, for other programs")],
];

export const nameOf = (format) => FORMATS.find(([value]) => value === format)?.[1] ?? format;
