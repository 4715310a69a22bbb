/** Buttons that pause, resume or cancel ingest, or retry photos, and say what came of it. */

import { orderIntake } from "./api.js";
import { confirmed, plural, toast } from "./dom.js";

const done = {
  pause: () => "Paused. Photos in progress will be finished.",
  resume: () => "Resumed.",
  cancel: ({ photos }) => `${plural(photos, "photo")} cancelled. Upload or ingest them again to add them.`,
  "retry-failed": ({ photos }) => `${plural(photos, "photo")} will be retried.`,
};

const cancelling = { title: "Cancel all pending photos?", text: "Photos already added are kept.", label: "Cancel pending photos" };

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
