/** The segments of a photo as a tree beside it: fragments on request, and a filter by name. */

import { $, $$ } from "./dom.js";

export class SegmentList {
  #list;
  #field = $("#filter-segments");
  #none = $("#no-segments");
  #more = $("#all-segments");
  #hasFragments = false; // whether fragments are listed, too

  constructor(list) {
    this.#list = list;
    this.#field?.addEventListener("input", () => this.#filter());
    this.#field?.addEventListener("keydown", (event) => this.#key(event));
    this.#more?.addEventListener("click", () => {
      const first = $("li[data-fragment] a", list);
      this.showAll();
      first.focus();
    });
  }

  /** List the fragments, too. */
  showAll() {
    this.#hasFragments = true;
    for (const row of $$("li", this.#list)) row.className = `depth-${row.dataset.depthAmongAll}`;
    this.#more?.remove();
    this.#filter();
  }

  /** Show the segments whose names have what was typed, fragments among them; all that are listed if nothing was. */
  #filter() {
    const wanted = (this.#field?.value ?? "").trim().toLowerCase();
    const rows = $$("li", this.#list);
    for (const row of rows) {
      const isListed = this.#hasFragments || !("fragment" in row.dataset);
      row.hidden = wanted ? !$("strong", row).textContent.toLowerCase().includes(wanted) : !isListed;
    }
    this.#none.hidden = !wanted || rows.some((row) => !row.hidden);
    if (this.#more) this.#more.hidden = wanted !== "";
  }

  #key(event) {
    if (event.key === "ArrowDown") $("li:not([hidden]) a", this.#list)?.focus();
    else if (event.key === "Escape" && this.#field.value) {
      this.#field.value = "";
      this.#filter();
    } else return;
    event.preventDefault();
    event.stopPropagation();
  }
}
