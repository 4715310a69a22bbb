/** The recipes: analysing photos again with one of them, and how far that is. */

import { resegmentWith } from "./api.js";
import { $, toast } from "./dom.js";
import { onSend, openForm } from "./forms.js";
import { keepFresh, refresh } from "./fresh.js";
import { gettext, ngettext } from "./i18n.js";
import { giveOrders } from "./orders.js";

const PAUSE = 300; // milliseconds after typing, until the photos are counted

const dialog = $("#again");
const form = $("form", dialog);
let recipe = "";
let asked = 0;
let counting = 0;

/** What is chosen in the form; fields that are left empty are left out. */
function chosen() {
  const { max_quality, ...fields } = Object.fromEntries([...new FormData(form)].filter(([, value]) => value.trim()));
  return { recipe, ...fields, ...(max_quality && { max_quality: Number(max_quality) }) };
}

/** Say how many photos it would be. */
async function count() {
  const turn = ++asked;
  const told = $("#again-count");
  try {
    const { photos } = await resegmentWith({ ...chosen(), dry_run: true });
    if (turn === asked) told.textContent = photos ? ngettext("%(num)s photo will be analysed again.", "%(num)s photos will be analysed again.", photos) : gettext("No photos fit: all of them were analysed with this recipe, or are left out.");
  } catch (problem) {
    if (turn === asked) told.textContent = problem.message;
  }
}

document.addEventListener("click", ({ target }) => {
  const card = target.closest("[data-again]")?.closest("[data-recipe]");
  if (!card) return;
  recipe = card.dataset.recipe;
  openForm(dialog);
  $("#again-title span").textContent = recipe;
  $("#incomparable").hidden = !("incomparable" in card.dataset);
  $("#again-count").textContent = "";
  count();
});
form.addEventListener("input", () => {
  clearTimeout(counting);
  counting = setTimeout(count, PAUSE);
});

onSend(form, async () => {
  const { photos, command } = await resegmentWith(chosen());
  dialog.close();
  const told = ngettext("%(num)s photo will be analysed again with %(recipe)s.", "%(num)s photos will be analysed again with %(recipe)s.", photos, { recipe });
  toast([told, photos && command && gettext("They need a worker: %(command)s", { command })].filter(Boolean).join(" "), { wait: command ? 15000 : 5000 });
  await refresh("#recipes");
});

giveOrders(() => refresh("#recipes"));
keepFresh("#recipes", 5);
