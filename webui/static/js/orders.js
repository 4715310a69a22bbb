/** Buttons that pause, resume or cancel ingest, or retry photos, and say what came of it. */

import { orderIntake } from "./api.js";
import { confirmed, toast } from "./dom.js";
import { gettext, ngettext } from "./i18n.js";

const done = {
  pause: () => gettext("Paused. Photos in progress will be finished."),
  resume: () => gettext("Resumed."),
  cancel: ({ photos }) => ngettext("%(num)s photo cancelled. Upload or ingest it again to add it.", "%(num)s photos cancelled. Upload or ingest them again to add them.", photos),
  "retry-failed": ({ photos }) => ngettext("%(num)s photo will be retried.", "%(num)s photos will be retried.", photos),
};

const cancelling = { title: gettext("Cancel all pending photos?"), text: gettext("Photos already added are kept."), label: gettext("Cancel pending photos") };

/** Have every button with `data-intake`, also later ones, give its order; `then` is called afterwards. */
export function giveOrders(then = () => {}) {
  document.addEventListener("click", async ({ target }) => {
    const button = target.closest("[data-intake]");
    if (!button) return;
    const what = button.dataset.intake;
    if (what === "cancel" && !(await confirmed(cancelling))) return;
    button.disabled = true;
    try {
      toast(done[what](await orderIntake(what)));
      await then();
    } catch (problem) {
      toast(problem.message, { wait: 10000 });
    }
    button.disabled = false;
  });
}
