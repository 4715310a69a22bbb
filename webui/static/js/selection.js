/** Photos that are selected in the timeline: by their marks, as a range, by keyboard or all of them. */

import { getTimelineIds } from "./api.js";
import { $, $$, announce, looksOnly, toast } from "./dom.js";
import { isTyping } from "./shell.js";

const IDS = 10000; // told at once

/** Tells of "action" with its name when something is to be done with the selected photos. */
export class Selection extends EventTarget {
  #root;
  #timeline;
  #ids = new Set();
  #last = null; // the number of the photo that was selected or taken out last
  #hovered = null;

  constructor(root, timeline) {
    super();
    this.#root = root;
    this.#timeline = timeline;
    if (looksOnly) return;
    root.addEventListener("click", (event) => this.#click(event));
    root.addEventListener("pointerover", ({ target }) => (this.#hovered = target.closest(".card")));
    root.addEventListener("pointerleave", () => (this.#hovered = null));
    document.addEventListener("keydown", (event) => this.#press(event));
    $("#select-none").addEventListener("click", () => this.clear());
    $("#select-all").addEventListener("click", () => this.#all());
    for (const button of $$("#selection [data-bulk]")) button.addEventListener("click", () => this.#act(button.dataset.bulk));
  }

  get ids() {
    return [...this.#ids];
  }

  #act(name) {
    this.dispatchEvent(new CustomEvent("action", { detail: name }));
  }

  /** Show on a card whether it is selected. */
  dress(card) {
    const box = $(".pick", card);
    if (box) box.checked = this.#ids.has(card.photo.id);
    card.classList.toggle("picked", this.#ids.has(card.photo.id));
  }

  clear() {
    this.#ids.clear();
    this.#last = null;
    this.#show();
  }

  #show() {
    const count = this.#ids.size;
    $("#selection").hidden = count === 0;
    $("#selected").textContent = `${count.toLocaleString("en")} selected`;
    this.#root.classList.toggle("picking", count > 0);
    for (const card of $$(".card", this.#root)) this.dress(card);
  }

  /** A mark, or, while something is selected, a photo; with Shift everything from the one before. */
  #click(event) {
    const card = event.target.closest(".card");
    const isMark = event.target.matches(".pick");
    if (!card || (!isMark && (this.#ids.size === 0 || event.ctrlKey || event.metaKey))) return;
    if (!isMark) event.preventDefault();
    this.#toggle(card, event.shiftKey);
    if (isMark && event.detail) $("a", card).focus({ preventScroll: true }); // so that the arrow keys go on from here
  }

  #toggle(card, isRange) {
    const on = !this.#ids.has(card.photo.id);
    if (isRange && this.#last !== null) this.#range(this.#last, card.number).catch((problem) => toast(problem.message));
    else if (on) this.#ids.add(card.photo.id);
    else this.#ids.delete(card.photo.id);
    this.#last = card.number;
    this.#show();
  }

  async #range(one, other) {
    const [from, to] = [Math.min(one, other), Math.max(one, other) + 1];
    for (let skip = from; skip < to; skip += IDS) {
      const { ids } = await getTimelineIds({ ...this.#timeline.view, skip, limit: Math.min(IDS, to - skip) });
      for (const id of ids) this.#ids.add(id);
    }
    this.#show();
    announce($("#selected").textContent);
  }

  #all() {
    return this.#range(0, this.#timeline.blocks.count - 1).catch((problem) => toast(problem.message));
  }

  #press(event) {
    if (isTyping(event.target) && !event.target.matches(".pick")) return;
    if ($("dialog[open]") || event.altKey) return;
    const key = event.key.toLowerCase();
    const isCommand = event.ctrlKey || event.metaKey;
    const card = event.target.closest?.(".timeline .card") ?? this.#hovered;
    if (key === "a" && isCommand && !event.shiftKey) this.#all();
    else if (isCommand) return;
    else if (key === "x" && card?.isConnected) this.#toggle(card, event.shiftKey);
    else if (key === "escape" && this.#ids.size) this.clear();
    else if (key === "delete" && this.#ids.size) this.#act($("[data-bulk=erase]") ? "erase" : "delete");
    else return;
    event.preventDefault();
  }
}
