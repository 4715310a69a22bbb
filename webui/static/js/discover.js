/** Clusters of what has no name yet: name, split, dismiss, restore, merge. */

import { changeCluster, mergeClusters, nameCluster, updateClusters } from "./api.js";
import { base } from "./base.js";
import { $, $$, announce, toast } from "./dom.js";
import { gettext, ngettext } from "./i18n.js";

const complain = (problem) => toast(problem.message, { wait: 10000 });
const names = new Map($$("#names option").map(({ value }) => [value.trim().toLowerCase(), value]));
const chosen = () => $$(".cluster").filter((card) => $("input[type=checkbox]", card)?.checked);

/** Do something with a card's cluster; the card cannot be used meanwhile. */
async function change(card, doing) {
  card.classList.add("leaving");
  card.inert = true;
  try {
    return await doing();
  } catch (problem) {
    card.classList.remove("leaving");
    card.inert = false;
    complain(problem);
    return null;
  }
}

/** Take a card away and go on with the one after it; the last one of a page shows what comes next. */
function remove(card, said) {
  const next = card.nextElementSibling ?? card.previousElementSibling;
  card.remove();
  toast(said);
  const count = $(".chip[data-state=open] span"); // every act moves a card from the open ones, or back to them
  if (count) count.textContent = Number(count.textContent) + ($("[data-do=restore]", card) ? 1 : -1);
  if (!next) location.reload();
  else $("input[type=text], button", next)?.focus();
  choose();
}

function choose() {
  if ($("#merge")) $("#merge").disabled = chosen().length < 2;
}

async function name(card, wanted) {
  const known = names.get(wanted.toLowerCase());
  if (known && !confirm(gettext("The concept “%(name)s” already exists. Add these examples to it?", { name: known }))) return;
  const done = await change(card, () => nameCluster(card.dataset.id, wanted, Boolean(known)));
  if (!done) return;
  if (!known) {
    names.set(wanted.toLowerCase(), wanted);
    const option = document.createElement("option");
    option.value = wanted;
    $("#names").append(option);
  }
  remove(card, known ? gettext("Added to “%(name)s”.", { name: known }) : gettext("Saved. You can now search for “%(name)s”.", { name: wanted }));
  updateClusters().catch(() => {}); // what it explains besides is hidden when the page is shown next
}

const acts = {
  dismiss: async (card) => {
    if (await change(card, () => changeCluster(card.dataset.id, "dismiss"))) remove(card, gettext("Dismissed."));
  },
  restore: async (card) => {
    if (await change(card, () => changeCluster(card.dataset.id, "restore"))) remove(card, gettext("Restored."));
  },
  split: async (card) => {
    const parts = await change(card, () => changeCluster(card.dataset.id, "split"));
    if (parts) location.assign(`${base}/discover?${new URLSearchParams(parts.clusters.map(({ id }) => ["id", id]))}`);
  },
};

for (const card of $$(".cluster")) {
  $(".name", card)?.addEventListener("submit", (event) => {
    event.preventDefault();
    const wanted = $(".name input", card).value.trim().replace(/\s+/g, " ");
    if (wanted) name(card, wanted);
  });
  $("input[type=checkbox]", card)?.addEventListener("change", choose);
  for (const button of $$("[data-do]", card)) button.addEventListener("click", () => acts[button.dataset.do](card));
}

$("#merge")?.addEventListener("click", async () => {
  try {
    await mergeClusters(chosen().map((card) => Number(card.dataset.id)));
    location.reload();
  } catch (problem) {
    complain(problem);
  }
});

$("#update")?.addEventListener("click", async ({ currentTarget: button }) => {
  button.disabled = true;
  announce(gettext("Looking for clusters"));
  try {
    let founded = 0;
    let joined = 0;
    let report;
    do {
      report = await updateClusters();
      founded += report.founded;
      joined += report.joined;
    } while (report.more);
    if (founded || joined || report.explained) location.reload();
    else toast(ngettext("Nothing new. %(num)s segment has too few similar ones so far.", "Nothing new. %(num)s segments have too few similar ones so far.", report.waiting));
  } catch (problem) {
    complain(problem);
  }
  button.disabled = false;
});

choose();
