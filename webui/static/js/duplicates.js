/** Groups of near-duplicates: keep one of each, or say that they are no duplicates. */

import { deleteImages, problemOf } from "./api.js";
import { base } from "./base.js";
import { $, $$, confirmed, toast } from "./dom.js";
import { gettext, ngettext } from "./i18n.js";
import { offerUndo, offerUndoOf } from "./undo.js";

const AT_ONCE = 100;

async function judge(what, ids) {
  const headers = { Accept: "application/json", "Content-Type": "application/json" };
  const answer = await fetch(`${base}/api/v1/duplicates/${what}`, { method: "POST", headers, body: JSON.stringify({ ids }) });
  if (!answer.ok) throw problemOf(answer.status, await answer.text());
}

const idsOf = (group) => $$(".copy", group).map((copy) => Number(copy.dataset.id));

/** Take a group away and go on with the next one; the last one of a page shows what comes next. */
function remove(group) {
  const next = group.nextElementSibling ?? group.previousElementSibling;
  const place = { parent: group.parentElement, before: group.nextElementSibling };
  group.remove();
  count(-1);
  $("button", next ?? document.body)?.focus();
  return () => {
    group.classList.remove("leaving");
    group.inert = false;
    place.parent.insertBefore(group, place.before?.isConnected ? place.before : null);
    count(1);
    $("button", group)?.focus();
  };
}

function count(change) {
  const total = $("#total");
  if (!total) return;
  total.dataset.count = Number(total.dataset.count) + change;
  total.textContent = ngettext("%(num)s group", "%(num)s groups", Number(total.dataset.count));
}

const deletion = (count) => ({
  title: ngettext("Delete %(num)s photo?", "Delete %(num)s photos?", count),
  text: gettext("Uploaded files are deleted, too; files elsewhere are kept. This cannot be undone."),
  label: ngettext("Delete %(num)s photo", "Delete %(num)s photos", count),
});

const acts = {
  async keep(group, button) {
    const kept = $(".copy:has(:checked)", group).dataset.id;
    const others = idsOf(group).filter((id) => String(id) !== kept);
    const trashed = "trash" in button.dataset;
    if (!trashed && !(await confirmed(deletion(others.length)))) return null;
    for (let at = 0; at < others.length; at += AT_ONCE) await deleteImages(others.slice(at, at + AT_ONCE));
    const back = remove(group);
    if (trashed) offerUndo(others, back);
    else toast(ngettext("%(num)s photo deleted.", "%(num)s photos deleted.", others.length));
    return true;
  },
  async dismiss(group) {
    const ids = idsOf(group);
    await judge("dismiss", ids);
    const back = remove(group);
    offerUndoOf(gettext("Not shown as duplicates any more."), async () => {
      await judge("restore", ids);
      back();
    }, gettext("They could not be shown again"));
    return true;
  },
};

for (const group of $$(".group")) {
  for (const button of $$("[data-do]", group)) {
    button.addEventListener("click", async () => {
      group.classList.add("leaving");
      group.inert = true;
      let done = null;
      try {
        done = await acts[button.dataset.do](group, button);
      } catch (problem) {
        toast(problem.message, { wait: 10000 });
      }
      if (done) return;
      group.classList.remove("leaving");
      group.inert = false;
    });
  }
}
