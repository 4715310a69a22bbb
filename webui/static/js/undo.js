/** Undo: of deleting photos also on the page that one goes to after it. */

import { restoreImages } from "./api.js";
import { base } from "./base.js";
import { toast } from "./dom.js";
import { gettext, ngettext } from "./i18n.js";

const KEPT = `just-deleted${base}`;
const WAIT = 10000; // milliseconds during which Undo is offered
const AT_ONCE = 100;

let last = null; // what Ctrl + Z does

/** Say what was done, and offer to undo it by `act`; `failure` says that this failed. */
export function offerUndoOf(text, act, failure) {
  const undo = { act: async () => {
    end();
    try {
      await act();
    } catch (problem) {
      toast(`${failure}: ${problem.message}`, { wait: WAIT });
    }
  } };
  const remove = toast(text, { wait: WAIT, action: { label: gettext("Undo"), act: undo.act } });
  const end = () => {
    remove();
    if (last === undo) last = null;
  };
  last = undo;
  setTimeout(() => last === undo && (last = null), WAIT);
}

/** Say that photos were deleted, and offer to restore them; `onRestored` hears of it. */
export function offerUndo(ids, onRestored) {
  const restore = async () => {
    let restored = 0;
    for (let at = 0; at < ids.length; at += AT_ONCE) restored += (await restoreImages(ids.slice(at, at + AT_ONCE))).restored;
    toast(ngettext("%(num)s photo restored.", "%(num)s photos restored.", restored));
    await onRestored();
  };
  offerUndoOf(ngettext("%(num)s photo moved to the trash.", "%(num)s photos moved to the trash.", ids.length), restore, gettext("The photos could not be restored"));
}

/** Offer it on the next page. */
export const offerUndoLater = (ids) => sessionStorage.setItem(KEPT, JSON.stringify(ids));

export function offerKept() {
  const ids = JSON.parse(sessionStorage.getItem(KEPT) ?? "null");
  sessionStorage.removeItem(KEPT);
  if (ids) offerUndo(ids, () => location.reload());
}

document.addEventListener("keydown", (event) => {
  if (!last || event.key.toLowerCase() !== "z" || !(event.ctrlKey || event.metaKey) || event.shiftKey) return;
  if (event.target.closest?.("input:not(.pick), textarea, [contenteditable]")) return;
  event.preventDefault();
  last.act();
});
