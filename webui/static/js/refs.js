/**
 * What is searched for, as it stands in the address of a page: /search?segment=12&not=34&text=red&group=segment
 * With &things=1 each thing of the photo is searched for by itself, or with &within=x0,y0,x1,y1 each in that box.
 * With &must=dog beside examples a photo has to show a dog as well, while with &text=dog what is found is to be like one.
 * With &all=1 each example has to be in the photo, and &lies=0.above.1 says how the first two lie to each other.
 * &folder= &label= &concept= &year= &size= &place= and &recipe= narrow the results.
 * With &copies=1 near-duplicates are results of their own, instead of one standing for the others.
 * With &by=things photos are compared with a whole photo by the things in it, and not as a whole.
 * With &match=same the very objects of the examples are looked for, not their kind; with &everywhere=1 in all collections.
 * With &above=12 the line between likely and less likely results is below the twelfth.
 * With &feedback=5&round=2 it has been refined by judgements; anything else that changes begins anew.
 */

import { base } from "./base.js";
import { conditions } from "./conditions.js";
import { maskOf } from "./region.js";
import { RELATIONS } from "./relations.js";

export const STEP = 50; // results that are asked for at first, and more each time
export const QUALITIES = [0, 0.1, 0.25, 0.5, 0.75]; // least qualities of segments that can be chosen
export const FILTERS = ["folder", "label", "concept", "year", "size", "place", "recipe"];
export const PHOTO_FILTERS = ["folder", "year", "recipe"]; // those that whole photos can meet, too
const MOST = 1000;

const numbers = (text, count) => {
  const found = text.split(",").map(Number);
  return found.length === count && found.every(Number.isFinite) ? found : null;
};
/** Pairs of numbers, or null. */
const places = (text) => {
  const found = text.split(",").map(Number);
  if (found.length % 2 || !found.every(Number.isFinite)) return null;
  return Array.from({ length: found.length / 2 }, (_, at) => found.slice(2 * at, 2 * at + 2));
};
/** A box inside a photo and the photo's size, or null. */
const regionOf = (text) => {
  const found = numbers(text, 6);
  const [x0, y0, x1, y1, width, height] = found ?? [];
  return found && 0 <= x0 && x0 < x1 && x1 <= width && 0 <= y0 && y0 < y1 && y1 <= height ? found : null;
};
const lie = (text) => {
  const [subject, relation, object] = text.split(".");
  const known = RELATIONS.includes(relation) && /^\d$/.test(subject) && /^\d$/.test(object) && subject !== object;
  return known ? { subject: Number(subject), relation, object: Number(object) } : null;
};
const id = (text) => (/^\d{1,15}$/.test(text) ? Number(text) : null);

/**
 * Read an address. The order of its parts counts: `image` and `query` begin an example, and `point`, `box`, `lasso`,
 * `region` (a box that is taken as it is, and the photo's width and height),
 * `on` with `off` (points on a thing and beside it) or `row` (a segment of a query photo) after them say which part. `image` alone is the whole photo; a `query` alone is
 * a photo from which nothing has been picked yet, and with `whole` the whole photo.
 */
export function parse(address) {
  const asked = { positive: [], negative: [], text: "", must: "", group: "image", quality: 0, limit: STEP, query: null, feedback: null, round: null, above: null, all: false, relations: [], filters: {}, copies: false, things: false, within: null, by: "whole", match: "kind", everywhere: false };
  let photo = null;
  const place = (part) => {
    if (photo && Object.values(part)[0] !== null) {
      asked.positive = asked.positive.filter((ref) => ref !== photo);
      asked.positive.push({ ...photo, ...part });
    }
  };
  const read = {
    segment: (value) => id(value) !== null && asked.positive.push({ segment: id(value) }),
    not: (value) => id(value) !== null && asked.negative.push({ segment: id(value) }),
    notphoto: (value) => id(value) !== null && asked.negative.push({ image: id(value) }),
    image: (value) => {
      photo = id(value) === null ? null : { image: id(value) };
      if (photo) asked.positive.push(photo);
    },
    query: (value) => {
      photo = id(value) === null ? null : { query: id(value) };
      asked.query = id(value) ?? asked.query;
    },
    row: (value) => photo?.query !== undefined && place({ segment: id(value) }),
    point: (value) => place({ point: numbers(value, 2) }),
    box: (value) => place({ box: numbers(value, 4) }),
    region: (value) => place({ region: regionOf(value) }),
    lasso: (value) => place({ polygon: places(value) }),
    on: (value) => place({ points: places(value) }),
    off: (value) => {
      const last = asked.positive.at(-1);
      if (last?.points && places(value)) last.not_points = places(value);
    },
    whole: () => photo?.query !== undefined && asked.positive.push(photo),
    text: (value) => (asked.text = value.trim()),
    must: (value) => (asked.must = value.trim()),
    group: (value) => (asked.group = value === "segment" ? "segment" : "image"),
    all: (value) => (asked.all = value === "1"),
    lies: (value) => lie(value) && asked.relations.push(lie(value)),
    feedback: (value) => (asked.feedback = id(value)),
    round: (value) => (asked.round = id(value)),
    above: (value) => (asked.above = id(value)),
    copies: (value) => (asked.copies = value === "1"),
    things: (value) => (asked.things = value === "1"),
    by: (value) => (asked.by = value === "things" ? "things" : "whole"),
    match: (value) => (asked.match = value === "same" ? "same" : "kind"),
    everywhere: (value) => (asked.everywhere = value === "1"),
    within: (value) => (asked.within = numbers(value, 4)),
    quality: (value) => (asked.quality = QUALITIES.includes(Number(value)) ? Number(value) : 0),
    limit: (value) => (asked.limit = Math.min(Math.max(Number(value) || STEP, STEP), MOST)),
  };
  for (const [name, value] of new URLSearchParams(address)) {
    if (FILTERS.includes(name)) asked.filters[name] = value;
    else read[name]?.(value);
  }
  const isBeside = asked.positive.length > 0 && !asked.all && asked.group === "image";
  return isBeside ? asked : { ...asked, text: [asked.text, asked.must].filter(Boolean).join(", "), must: "" };
}

/** The address that says it. */
export function format({ positive, negative, text, must, group, quality, limit, query, feedback, round, above, all, relations, filters, copies, things, within, by, match, everywhere }) {
  const parts = new URLSearchParams();
  if (query !== null && !positive.some((ref) => ref.query === query)) parts.append("query", query);
  for (const ref of positive) appendRef(parts, ref);
  for (const ref of negative) parts.append(isWhole(ref) ? "notphoto" : "not", ref.segment ?? ref.image);
  if (things) parts.append("things", "1");
  if (things && within) parts.append("within", within.join(","));
  if (by !== "whole") parts.append("by", by);
  if (match !== "kind") parts.append("match", match);
  if (everywhere) parts.append("everywhere", "1");
  if (text) parts.append("text", text);
  if (must) parts.append("must", must);
  if (all) parts.append("all", "1");
  for (const { subject, relation, object } of relations) parts.append("lies", `${subject}.${relation}.${object}`);
  if (group !== "image") parts.append("group", group);
  if (copies) parts.append("copies", "1");
  if (quality) parts.append("quality", quality);
  for (const name of FILTERS) if (filters[name]) parts.append(name, filters[name]);
  if (limit > STEP) parts.append("limit", limit);
  if (above !== null) parts.append("above", above);
  if (feedback !== null) parts.append("feedback", feedback);
  if (feedback !== null && round !== null) parts.append("round", round);
  return `${base}/search?${parts.toString().replaceAll("%2C", ",")}`;
}

function appendRef(parts, ref) {
  if (ref.query === undefined && ref.image === undefined) return parts.append("segment", ref.segment);
  if (ref.query !== undefined) parts.append("query", ref.query);
  else parts.append("image", ref.image);
  if (ref.point) parts.append("point", ref.point.join(","));
  else if (ref.box) parts.append("box", ref.box.join(","));
  else if (ref.polygon) parts.append("lasso", ref.polygon.join(","));
  else if (ref.region) parts.append("region", ref.region.join(","));
  else if (ref.points) {
    parts.append("on", ref.points.join(","));
    if (ref.not_points) parts.append("off", ref.not_points.join(","));
  }
  else if (ref.segment !== undefined) parts.append("row", ref.segment);
  else if (ref.query !== undefined) parts.append("whole", "1");
}

export const isWhole = (ref) => ref.segment === undefined && !ref.point && !ref.box && !ref.polygon && !ref.points && !ref.region;

/** Whether all there is to search with is one whole photo, which others can be compared with in two ways. */
export const isOnePhoto = ({ positive, negative }) => positive.length === 1 && isWhole(positive[0]) && negative.length === 0;

/** Whether all there is to search with is things in photos, whose very objects can be looked for. */
export const isThings = ({ positive, text, must, all }) => positive.length > 0 && !positive.some(isWhole) && !text && !must && !(all && positive.length > 1);

/** What is asked for with one more example. Whole photos go with whole photos only, and not with words. */
export function withExample(asked, ref, side = "positive") {
  const fits = (other) => isWhole(other) === isWhole(ref) && !sameRef(other, ref);
  const kept = { ...anew(asked), positive: asked.positive.filter(fits), negative: asked.negative.filter(fits) };
  return { ...kept, ...(isWhole(ref) && { text: "", must: "" }), [side]: [...kept[side], ref] };
}

export const without = (asked, ref) => ({
  ...anew(asked),
  positive: asked.positive.filter((other) => !sameRef(other, ref)),
  negative: asked.negative.filter((other) => !sameRef(other, ref)),
});

/** The same search from its beginning: no judgements, no more results than at first, the line where it is at first, of one thing. */
export const anew = (asked) => ({ ...asked, limit: STEP, feedback: null, round: null, above: null, relations: [], things: false, within: null });

export const canGrow = (asked) => asked.limit < MOST;
export const empty = () => parse("");
export const isAsked = (asked) => asked.positive.length > 0 || asked.text !== "";
export const sameRef = (a, b) => JSON.stringify(a) === JSON.stringify(b);

/** Whether near-duplicates are listed once. */
export const folds = ({ group, copies }) => group === "image" && !copies;

/** A reference as the API takes it. */
const sent = ({ region, ...ref }) => (region ? { ...ref, mask: maskOf(region) } : ref);

/** As POST /search takes it. */
export function body({ positive: refs, negative, text, must, limit, group, quality, all, relations, filters, by, match }) {
  const positive = refs.map(sent);
  const kept = conditions(filters, refs.some(isWhole) ? PHOTO_FILTERS : FILTERS);
  const common = { negative, limit, group_by: group, min_quality: quality, filters: kept, masks: "rle" };
  if (isOnePhoto({ positive, negative })) return { ...common, positive, compare: by };
  if (match === "same" && isThings({ positive: refs, text, must, all })) return { ...common, positive, match };
  if (group !== "image" || refs.some(isWhole)) return { ...common, positive, text };
  if (must) return { ...common, positive, text, also: [{ text: must }], relations };
  if (!all || positive.length === 0) return { ...common, positive, text, ...(all || !positive.length ? { relations } : {}) };
  const others = positive.slice(1).map((ref) => ({ positive: [ref] }));
  return { ...common, positive: positive.slice(0, 1), also: text ? [...others, { text }] : others, relations };
}
