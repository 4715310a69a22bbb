/** Adding photos: a few at a time, each with its outcome, and then until they are searchable. */

import { getImages, patiently, postImage } from "./api.js";
import { announce, h } from "./dom.js";
import { gettext, ngettext, number, percent } from "./i18n.js";
import { Row } from "./uploadrow.js";
import { entriesOf, isZip } from "./zip.js";

const AT_ONCE = 3;
const LOOK_EVERY = 2000;
const { mostMb, program: PROGRAM } = document.body.dataset;
const MOST_BYTES = Number(mostMb) * 2 ** 20;

/** The list of the photos that are being added, with how far they are. */
export class Uploads {
  #rows = [];
  #queue = [];
  #waiting = new Map(); // photos on their way in, by id
  #sending = 0;
  #looking = false;
  #tally = h("p", { role: "status" });
  #problems = h("button", { class: "quiet", type: "button", "aria-pressed": "false", hidden: true, click: () => this.#showProblems() },
    gettext("Show only problems"));
  #total = h("progress", { max: 1, value: 0, "aria-label": gettext("Photos uploaded") });
  #list = h("ol", { class: "files", tabindex: "0", "aria-label": "Files", "data-walk": true });

  constructor(root) {
    this.root = root;
    root.append(h("div", { class: "tally" }, this.#tally, this.#problems), this.#total, this.#list);
    addEventListener("beforeunload", (event) => this.isBusy && event.preventDefault());
  }

  /** Whether something would be lost if the page was left. */
  get isBusy() {
    return this.#sending > 0 || this.#queue.length > 0;
  }

  /** Add files; ZIP files are unpacked. */
  async add(files) {
    const shown = files.filter((file) => !file.name.startsWith("."));
    this.#take(shown.filter((file) => !isZip(file)).map((file) => new Row(file)));
    for (const zip of shown.filter(isZip)) await this.#unpack(zip);
  }

  async #unpack(zip) {
    try {
      const { entries, left } = await entriesOf(zip);
      const inside = zip.name.replace(/\.zip$/i, "");
      this.#take(entries.map((entry) => new Row({ ...entry, folder: entry.folder || inside })));
      for (const { name, why } of left) this.#refuse(name, `${zip.name}: ${why}`);
      if (!entries.length && !left.length) this.#refuse(zip.name, gettext("There is nothing in it."));
    } catch (problem) {
      this.#refuse(zip.name, gettext("It cannot be unpacked: %(why)s.", { why: problem.message }));
    }
  }

  #refuse(name, why) {
    const row = new Row({ name, folder: "" });
    row.share = 1;
    row.set("refused", why);
    this.#show([row]);
  }

  #take(rows) {
    if (!rows.length) return;
    this.#queue.push(...rows);
    this.#show(rows);
    while (this.#sending < AT_ONCE && this.#queue.length) this.#pump();
  }

  #show(rows) {
    this.#rows.push(...rows);
    this.#list.append(...rows.map((row) => row.item));
    this.root.hidden = false;
    this.root.scrollIntoView({ block: "nearest" });
    this.#count();
  }

  async #pump() {
    this.#sending++;
    for (let row = this.#queue.shift(); row; row = this.#queue.shift()) {
      await this.#send(row);
      row.share = 1;
      this.#count();
    }
    this.#sending--;
    this.#count();
    if (!this.#sending) announce(this.#tally.textContent);
  }

  async #send(row) {
    if (row.source.size > MOST_BYTES) {
      const size = Math.ceil(row.source.size / 2 ** 20);
      return row.set("refused", gettext("%(size)s MB is too large to upload. Use %(program)s ingest instead.", { size: number(size), program: PROGRAM }));
    }
    row.set("sending");
    try {
      const file = await row.file();
      const attempt = () => postImage(file, (share) => this.#progress(row, share));
      const { status, body } = await patiently(attempt, (problem) => row.set("sending", problem.message));
      row.link(body.id);
      this.#settle(row, body, body.restored ? "restored" : status === 200 ? "known" : null);
    } catch (problem) {
      row.set("refused", problem.message);
    }
    row.source = {};
  }

  #progress(row, share) {
    row.share = share;
    row.why.textContent = share < 1 ? percent(share) : "";
    this.#showTotal();
  }

  /** What has become of a photo that the server has. */
  #settle(row, { id, state, error, path }, known = null) {
    if (state === "pending" || state === "working") {
      row.set("pending");
      this.#waiting.set(id, row);
      if (!this.#looking) this.#look();
      return;
    }
    this.#waiting.delete(id);
    row.set(known && state !== "failed" ? known : state, error?.replace(`${path}: `, "") ?? "");
    if (state !== "failed") row.show(id);
  }

  /** Ask after the photos on their way in until none is left. Ids rise, so a page from the first of them tells most. */
  async #look() {
    this.#looking = true;
    while (this.#waiting.size) {
      await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY));
      try {
        const { items } = await getImages({ after: Math.max(0, Math.min(...this.#waiting.keys()) - 1), limit: 500 });
        const told = new Set(items.map((item) => item.id));
        for (const item of items) if (this.#waiting.has(item.id)) this.#settle(this.#waiting.get(item.id), item);
        const first = Math.min(...this.#waiting.keys());
        if (this.#waiting.has(first) && !told.has(first)) this.#gone(first);
      } catch {
        /* asked again */
      }
      this.#count();
    }
    this.#looking = false;
    announce(this.#tally.textContent);
  }

  #gone(id) {
    this.#waiting.get(id).set("refused", gettext("The photo has been deleted."));
    this.#waiting.delete(id);
  }

  #showTotal() {
    this.#total.value = this.#rows.reduce((sum, row) => sum + row.share, 0) / this.#rows.length;
  }

  #count() {
    const count = (...states) => this.#rows.filter((row) => states.includes(row.state)).length;
    const problems = count("failed", "refused");
    const parts = [
      [count("indexed", "empty"), (n) => ngettext("%(num)s added", "%(num)s added", n)],
      [count("known"), (n) => ngettext("%(num)s already in the library", "%(num)s already in the library", n)],
      [count("restored"), (n) => ngettext("%(num)s restored from the trash", "%(num)s restored from the trash", n)],
      [count("queued", "sending"), (n) => ngettext("%(num)s to upload", "%(num)s to upload", n)],
      [count("pending"), (n) => ngettext("%(num)s being segmented", "%(num)s being segmented", n)],
      [problems, (n) => ngettext("%(num)s problem", "%(num)s problems", n)],
    ];
    const told = parts.filter(([n]) => n).map(([n, words]) => words(n)).join(", ");
    this.#tally.textContent = ngettext("%(num)s file: %(told)s.", "%(num)s files: %(told)s.", this.#rows.length, { told });
    this.#problems.hidden = problems === 0;
    this.#showTotal();
  }

  #showProblems() {
    const on = this.#list.classList.toggle("problems");
    this.#problems.setAttribute("aria-pressed", String(on));
  }
}
