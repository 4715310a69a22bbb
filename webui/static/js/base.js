/** Where pages are: those of a collection are below /c/ and its number, with the same paths as those of the shared library. */

/** The path of what this page is of: "" for the shared library, "/c/7" for collection 7. */
export const base = document.body.dataset.base;
export const installation = base.replace(/\/c\/\d+$/, "");
const here = Number(base.slice(installation.length + 3)) || 0;

/** The path of the collection that a result is in; those of a search over several are in others, too. */
export const baseOf = ({ collection = here }) => (collection ? `${installation}/c/${collection}` : installation);
export const isHere = ({ collection = here }) => collection === here;
