/** The tiles of concepts: rename, threshold, merge, delete, import, learn from folders. */

import { changeConcept, deleteConcept, importConcepts, learnFolders, listFolders, mergeConcepts, rankedPhotos } from "./api.js";
import { $, $$, toast } from "./dom.js";
import { date, gettext, ngettext } from "./i18n.js";
import { chooseThreshold } from "./threshold.js";

async function change(doing) {
  try {
    await doing();
    location.reload();
  } catch (problem) {
    toast(problem.message, { wait: 10000 });
  }
}

const chosen = () => $$(".concept").filter((row) => $("input[type=checkbox]", row)?.checked);

const actions = {
  rename(tile) {
    const form = $(".rename", tile);
    form.hidden = false;
    $("input", form).select();
  },
  export: ({ dataset: { id, name } }) => import("./exporting.js").then(({ exportConcept }) => exportConcept({ id: Number(id), name })),
  threshold: (tile) => chooseThreshold(tile.dataset).catch((problem) => toast(problem.message, { wait: 10000 })),
  delete({ dataset: { id, name } }) {
    if (confirm(gettext("Delete the concept “%(name)s”? The photos are kept.", { name }))) change(() => deleteConcept(id));
  },
};

for (const tile of $$(".concept")) {
  const { id } = tile.dataset;
  const form = $(".rename", tile);
  form?.addEventListener("submit", (event) => {
    event.preventDefault();
    change(() => changeConcept(id, { name: $("input", form).value.trim() }));
  });
  form?.addEventListener("keydown", ({ key }) => {
    if (key === "Escape") form.hidden = true;
  });
  for (const button of $$("[data-do]", tile)) {
    button.addEventListener("click", () => {
      $(".menu", tile).open = false;
      actions[button.dataset.do](tile);
    });
  }
  $("input[type=checkbox]", tile)?.addEventListener("change", () => {
    if ($("#merge")) $("#merge").disabled = chosen().length < 2;
  });
}

// ---- how many photos each has, asked once its tile is in sight

async function countPhotos(tile) {
  const { labelled, newest } = await rankedPhotos(tile.dataset.id, 0);
  const day = newest && date(new Date(newest), { day: "numeric", month: "short", year: "numeric" });
  $("[data-photos]", tile).textContent = day
    ? ngettext("%(num)s photo, latest %(day)s", "%(num)s photos, latest %(day)s", labelled, { day })
    : ngettext("%(num)s photo", "%(num)s photos", labelled);
}

const watcher = new IntersectionObserver((entries) => {
  for (const { isIntersecting, target } of entries) {
    if (!isIntersecting) continue;
    watcher.unobserve(target);
    countPhotos(target).catch(() => {}); // the tile does without
  }
}, { rootMargin: "200px" });
for (const tile of $$(".concept[data-usable]")) watcher.observe(tile);

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
      throw new Error(gettext("This file is not valid JSON. Choose a file exported from SegSearch."));
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
  hint.textContent = photos < LEAST
    ? gettext("%(num)s of at least %(least)s photos", { num: photos, least: LEAST })
    : ngettext("%(num)s photo", "%(num)s photos", photos);
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
      say(gettext("Learning %(num)s of %(all)s…", { num: Math.min(start + AT_ONCE, boxes.length), all: boxes.length }));
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
  say(`${gettext("%(num)s learned.", { num: learnt })} ${failed.join("; ")}.`);
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
    if (!list.children.length) say(gettext("No photos are in folders. Ingest a folder first."));
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
