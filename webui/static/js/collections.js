/** Collections: make, rename, share, delete and restore them. */

import { addCollection, changeCollection, deleteCollection, restoreCollection, shareCollection, unshareCollection } from "./api.js";
import { installation } from "./base.js";
import { $, $$, toast } from "./dom.js";
import { onSend, openForm } from "./forms.js";
import { gettext } from "./i18n.js";

const naming = $("#naming");
const sharing = $("#sharing");
const field = $("#collection-name");
let about = null; // the row that a dialog is about; null for a new collection

$("#add")?.addEventListener("click", () => openNaming(null));

function openNaming(row) {
  about = row;
  openForm(naming);
  $("#naming-title").textContent = row ? gettext("Rename %(name)s", { name: row.dataset.name }) : gettext("New collection");
  field.value = row?.dataset.name ?? "";
  field.select();
}

onSend($("form", naming), async (form) => {
  const name = form.get("name").trim();
  if (about) {
    await changeCollection(about.dataset.collection, { name });
    return location.reload();
  }
  const { address } = await addCollection(name);
  location.assign(`${address}/`);
});

onSend($("form", sharing), async (form) => {
  await shareCollection(about.dataset.collection, { user: form.get("user").trim(), role: form.get("role") });
  location.reload();
});

/** Do something with a collection, and show the page as it is then; 404: somebody else was faster. */
async function change(act) {
  try {
    await act();
  } catch (problem) {
    if (problem.status !== 404) return toast(problem.message, { wait: 10000 });
  }
  location.assign(`${installation}/collections`);
}

for (const row of $$("[data-collection]")) {
  const { collection: id, name } = row.dataset;
  $("[data-rename]", row)?.addEventListener("click", () => openNaming(row));
  $("[data-share]", row)?.addEventListener("click", () => {
    about = row;
    openForm(sharing);
    $("#sharing-title span").textContent = name;
  });
  $("[data-delete]", row)?.addEventListener("click", () => {
    if (confirm(gettext("Move %(name)s to the trash, with its photos and concepts?", { name }))) change(() => deleteCollection(id));
  });
  for (const button of $$("[data-unshare]", row)) button.addEventListener("click", () => change(() => unshareCollection(id, button.dataset.unshare)));
}
for (const row of $$("[data-deleted]")) $("[data-restore]", row).addEventListener("click", () => change(() => restoreCollection(row.dataset.deleted)));
