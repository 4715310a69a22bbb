/** The page for adding photos, dropped, pasted or chosen, and for what is on its way in. */

import { resegmentImages } from "./api.js";
import { $, announce, toast } from "./dom.js";
import { takeDrops, toLibrary } from "./dropping.js";
import { chooseFiles, takePasted } from "./files.js";
import { isBusy, refresh } from "./fresh.js";
import { gettext } from "./i18n.js";
import { followIntake } from "./intake.js";
import { showIntake } from "./intakeline.js";
import { giveOrders } from "./orders.js";
import { Uploads } from "./uploads.js";

const AGAIN = 2000; // milliseconds between two looks at the queue and the workers

const uploads = new Uploads($("#progress"));
const add = (files) => uploads.add(files);

takeDrops([toLibrary(add)]);
takePasted(add);
chooseFiles($("#files"), add);
chooseFiles($("#folder"), add);

// ---- what is on its way in

let drawing = null;

/** Show the queue, the workers and the failures anew, soon, and once nobody is at work in them. */
function redraw() {
  drawing ??= setTimeout(() => {
    drawing = null;
    return isBusy($("#ingest")) ? redraw() : refresh("#ingest");
  }, AGAIN);
}

followIntake({
  onChange(intake) {
    showIntake(intake);
    redraw();
    if (intake.ended) announce(gettext("All photos have been segmented"));
  },
});
giveOrders(() => refresh("#ingest"));

document.addEventListener("click", async ({ target }) => {
  const button = target.closest("[data-retry]");
  if (!button) return;
  button.disabled = true;
  try {
    await resegmentImages([Number(button.dataset.retry)]);
    await refresh("#ingest");
    ($("#failures") ?? $("#ingest-title")).focus();
  } catch (problem) {
    toast(problem.message, { wait: 10000 });
    button.disabled = false;
  }
});
