/** The list of concepts: rename, merge, delete, import, learn from folders. */

import { changeConcept, deleteConcept, importConcepts, learnFolders, listFolders, mergeConcepts } from "./api.js";
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
    if (confirm(`Delete the concept “${name}”? The photos are kept.`)) change(() => deleteConcept(id));
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
      throw new Error("This file is not valid JSON. Choose a file exported from SegSearch.");
    }
    await importConcepts(file);
  });
});

// ---- learning from folders: a few at a time, so that one sees how far it is

const AT_ONCE = 10;
const LEAST = 3; // photos a name is learnt from
const dialog = $("#folders");

function folderRow({ name, photos }) {
  const row = document.createElement("li");
  const label = document.createElement("label");
  const box = Object.assign(document.createElement("input"), { type: "checkbox", value: name, disabled: photos < LEAST });
  const hint = Object.assign(document.createElement("span"), { className: "hint" });
  hint.textContent = photos < LEAST ? `${photos} of at least ${LEAST} photos` : `${photos} photos`;
  label.append(box, ` ${name} `, hint);
  row.append(label);
  return row;
}

const ticked = () => $$("input:checked", dialog);
const say = (text) => ($("[role=status]", dialog).textContent = text);
const count = () => ($("[data-learn]", dialog).disabled = !ticked().length);

async function learn() {
  const boxes = ticked();
  const failed = [];
  let learnt = 0;
  $("[data-learn]", dialog).disabled = true;
  try {
    for (let start = 0; start < boxes.length; start += AT_ONCE) {
      say(`Learning ${Math.min(start + AT_ONCE, boxes.length)} of ${boxes.length}…`);
      const { tags } = await learnFolders(boxes.slice(start, start + AT_ONCE).map((box) => box.value));
      for (const tag of tags) {
        if (tag.concept_id) learnt += 1;
        else failed.push(`${tag.name}: ${tag.reason}`);
      }
    }
  } catch (problem) {
    failed.push(problem.message);
  }
  if (!failed.length) return location.reload();
  say(`${learnt} learned. ${failed.join("; ")}.`);
  dialog.addEventListener("close", () => learnt && location.reload(), { once: true });
}

$("#learn")?.addEventListener("click", async () => {
  dialog.showModal();
  say("");
  try {
    const list = $(".folders", dialog);
    list.replaceChildren();
    for (let after = ""; after !== null; ) {
      const { folders, next } = await listFolders(after);
      list.append(...folders.map(folderRow));
      after = next;
    }
    if (!list.children.length) say("No photos are in folders. Ingest a folder first.");
  } catch (problem) {
    say(problem.message);
  }
  count();
});
dialog?.addEventListener("change", count);
$("[data-learn]", dialog ?? document)?.addEventListener("click", learn);
for (const [which, on] of [["[data-all]", true], ["[data-none]", false]]) {
  $(which, dialog ?? document)?.addEventListener("click", () => {
    for (const box of $$(".folders input:enabled", dialog)) box.checked = on;
    count();
  });
}
