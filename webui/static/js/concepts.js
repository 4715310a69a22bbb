/** The list of concepts: rename, merge, delete, import. */

import { changeConcept, deleteConcept, importConcepts, mergeConcepts } from "./api.js";
import { $, $$, toast } from "./dom.js";

async function change(doing) {
  try {
    await doing();
    location.reload();
  } catch (problem) {
    toast(problem.message, { wait: 10000 });
  }
}

const chosen = () => $$(".concept").filter((row) => $("input[type=checkbox]", row)?.checked);

for (const row of $$(".concept")) {
  const { id, name } = row.dataset;
  $(".rename", row)?.addEventListener("submit", (event) => {
    event.preventDefault();
    change(() => changeConcept(id, { name: $(".rename input", row).value.trim() }));
  });
  $(".delete", row)?.addEventListener("click", () => {
    if (confirm(`Forget the concept “${name}”? The photos stay.`)) change(() => deleteConcept(id));
  });
  $("input[type=checkbox]", row)?.addEventListener("change", () => {
    if ($("#merge")) $("#merge").disabled = chosen().length < 2;
  });
}

$("#merge")?.addEventListener("click", () => {
  const rows = chosen();
  change(() => mergeConcepts(rows.map((row) => Number(row.dataset.id)), rows[0].dataset.name));
});

$("#import")?.addEventListener("change", ({ target }) => {
  change(async () => {
    let file;
    try {
      file = JSON.parse(await target.files[0].text());
    } catch {
      throw new Error("This file is not JSON: choose one that was exported here.");
    }
    await importConcepts(file);
  });
});
