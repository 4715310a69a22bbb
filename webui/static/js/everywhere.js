/** Searching all collections that one may see, or only the one that the page is of. */

import { h } from "./dom.js";
import { gettext } from "./i18n.js";
import { body, folds, isOnePhoto, isThings } from "./refs.js";

/** Whether there is another collection to search, and whether that can be asked of several. */
export function canSearchAll(asked) {
  const isOfOne = (asked.match === "same" && isThings(asked)) || (asked.by === "things" && isOnePhoto(asked)) || asked.things;
  return "collections" in document.body.dataset && asked.feedback === null && !isOfOne && !asked.filters.concept;
}

/** As POST /search takes it. */
export const bodyOf = (asked) => ({
  ...body(asked),
  fold_duplicates: folds(asked),
  ...(asked.everywhere && canSearchAll(asked) && { collections: "all" }),
});

/** Two buttons; `onChange` hears {everywhere}. */
export function whereSwitch({ everywhere }, onChange) {
  const button = (value, words, title) => {
    const state = { name: value ? "everywhere" : "here", "aria-pressed": String(everywhere === value), title };
    return h("button", { type: "button", ...state, click: () => onChange({ everywhere: value }) }, words);
  };
  return h("div", { class: "switch", role: "group", "aria-label": gettext("Where to search") },
    button(false, gettext("Here"), gettext("Only what is in this collection")),
    button(true, gettext("All collections"), gettext("The shared library, your collections, and those that are shared with you")));
}

const nameOf = ({ name }) => name ?? gettext("Library"); // the one that all users share

/** Have the results of a search over several tell where they are. */
export function nameCollections({ collections = [], results }) {
  const names = new Map(collections.map((each) => [each.id, nameOf(each)]));
  for (const result of results) result.where = names.get(result.collection);
}

/** A line on the collections that could not be searched; null if all were. */
export function notSearched({ collections = [] }) {
  const left = collections.filter((each) => each.left_out !== null);
  const title = left.map((each) => `${nameOf(each)}: ${each.left_out}`).join("\n");
  return left.length ? h("small", { title }, ` · ${gettext("not searched: %(names)s", { names: left.map(nameOf).join(", ") })}`) : null;
}
