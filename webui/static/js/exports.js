/** Exports that the server writes in the background: how far each is, fetching it, and giving it up. */

import { deleteExport, listExports } from "./api.js";
import { base } from "./base.js";
import { $, h, icon, toast } from "./dom.js";
import { nameOf } from "./formats.js";
import { date, gettext, ngettext, number } from "./i18n.js";

const PAUSE = 1000; // milliseconds between two questions how far they are, while somebody looks
const LONG_PAUSE = 3000;
const FOLLOWED = `exports-followed${base}`; // ids of exports that this tab tells the end of
const fileOf = (id) => `${base}/api/v1/exports/${id}/file`;
const isOpen = ({ state }) => state === "queued" || state === "running";

const followed = () => new Set(JSON.parse(sessionStorage.getItem(FOLLOWED) ?? "[]"));
const keepFollowed = (ids) => (ids.size ? sessionStorage.setItem(FOLLOWED, JSON.stringify([...ids])) : sessionStorage.removeItem(FOLLOWED));

let isFollowing = false;
let list = null; // the dialog, while it is open

/** Tell when an export is done, on whatever page of this tab that is. */
export function follow({ id }) {
  keepFollowed(followed().add(id));
  followOn();
}

/** Ask how far exports are, while one is followed or the list is shown. */
export async function followOn() {
  if (isFollowing) return;
  isFollowing = true;
  while (followed().size || list) {
    try {
      const { exports: found } = await listExports();
      list?.show(found);
      tellOf(found);
      if (list && !followed().size && !found.some(isOpen)) break;
    } catch (problem) {
      list?.tell(problem.message);
      if (![0, 429, 503].includes(problem.status)) break;
    }
    await new Promise((resolve) => setTimeout(resolve, list ? PAUSE : LONG_PAUSE));
  }
  isFollowing = false;
}

function tellOf(found) {
  const [waited, open] = [followed(), new Map(found.map((each) => [each.id, each]))];
  for (const id of waited) {
    const job = open.get(id);
    if (job && isOpen(job)) continue;
    waited.delete(id);
    if (list || !job) continue; // it is seen there, or was deleted
    const name = nameOf(job.format);
    if (job.state === "done") toast(gettext("The export as %(name)s is ready.", { name }), { wait: 0, action: { label: gettext("Download"), act: () => location.assign(fileOf(id)) } });
    else toast(gettext("The export failed: %(why)s", { why: job.error }), { wait: 10000 });
  }
  keepFollowed(waited);
}

/** Open the list of the exports that this visitor ordered. */
export function showExports() {
  list = new List();
  followOn();
}

class List {
  #rows = new Map(); // what is shown of an export, by its id
  #ordered = h("ul", { class: "rows exports" });
  #words = h("p", { class: "hint", role: "status" }, gettext("Loading…"));
  #dialog;

  constructor() {
    const close = () => this.#dialog.close();
    this.#dialog = h("dialog", { class: "wide", "aria-labelledby": "exports-title" },
      h("header", {}, h("h2", { id: "exports-title" }, gettext("Exports")),
        h("button", { class: "quiet round", type: "button", title: gettext("Close (Esc)"), "aria-label": gettext("Close (Esc)"), click: close }, icon("close"))),
      this.#words, this.#ordered);
    this.#dialog.addEventListener("click", ({ target }) => target === this.#dialog && close());
    this.#dialog.addEventListener("close", () => {
      this.#dialog.remove();
      list = null;
    });
    document.body.append(this.#dialog);
    this.#dialog.showModal();
  }

  tell(words) {
    this.#words.textContent = words;
  }

  /** Show these exports; rows that are there already stay, so that what has the focus keeps it. */
  show(found) {
    this.tell(found.length ? gettext("Exports can be downloaded for a day after they are done.") : gettext("No export was ordered. Select photos or segments, and choose Export."));
    const ids = new Set(found.map((job) => job.id));
    for (const [id, row] of this.#rows) {
      if (ids.has(id)) continue;
      row.element.remove();
      this.#rows.delete(id);
    }
    for (const job of [...found].reverse()) {
      if (!this.#rows.has(job.id)) {
        this.#rows.set(job.id, new Row(job, () => this.#delete(job.id)));
        this.#ordered.prepend(this.#rows.get(job.id).element);
      }
      this.#rows.get(job.id).show(job);
    }
  }

  async #delete(id) {
    try {
      await deleteExport(id);
      this.#rows.get(id)?.element.remove();
      this.#rows.delete(id);
      $("header button", this.#dialog)?.focus();
      followOn();
    } catch (problem) {
      this.tell(problem.message);
    }
  }
}

class Row {
  #state = "";
  #told = h("span", { class: "hint" });
  #bar = h("progress", { max: "1", value: "0" });
  #acts = h("div", { class: "choices" });
  #name;
  #onDelete;
  element;

  constructor({ format, created_at: created }, onDelete) {
    const ordered = date(new Date(created), { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
    this.#name = `${nameOf(format)}, ${ordered}`;
    this.#onDelete = onDelete;
    this.#bar.setAttribute("aria-label", this.#name);
    this.element = h("li", { class: "row" }, h("div", { class: "what" }, h("strong", {}, this.#name), this.#told, this.#bar), this.#acts);
  }

  show(job) {
    this.#told.textContent = told(job);
    this.#bar.hidden = !isOpen(job);
    this.#bar.value = job.total ? job.done / job.total : 0;
    if (job.state === this.#state) return;
    this.#state = job.state;
    this.element.dataset.state = job.state;
    const words = isOpen(job) ? gettext("Cancel") : gettext("Delete");
    this.#acts.replaceChildren(
      ...(job.state === "done" ? [h("a", { class: "button primary", href: fileOf(job.id), download: true, "aria-label": gettext("Download %(name)s", { name: this.#name }) }, icon("download"), gettext("Download"))] : []),
      h("button", { class: "button", type: "button", "aria-label": `${words}: ${this.#name}`, click: () => this.#onDelete() }, words));
  }
}

/** How far an export is, in words. */
function told({ state, done, total, size, error }) {
  if (state === "failed") return error;
  const photos = ngettext("%(num)s photo", "%(num)s photos", total);
  if (state === "done") return [photos, gettext("%(size)s MB", { size: number(size / 1e6, size < 1e7 ? 1 : 0) })].join(" · ");
  if (state === "queued") return [photos, gettext("waits for a worker")].join(" · ");
  return gettext("%(done)s of %(photos)s written", { done: number(done), photos });
}
