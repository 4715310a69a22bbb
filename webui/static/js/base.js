/** The path of the pages of this collection: "" for the shared library, "/c/7" for collection 7. */

export const base = document.body.dataset.base;
