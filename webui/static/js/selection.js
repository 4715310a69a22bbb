/** Photos that are selected in a grid: by their marks, dragging over them, as a range, by keyboard or all of them. */

import { $, $$, announce, looksOnly, toast } from "./dom.js";
import { ngettext } from "./i18n.js";
import { isTyping } from "./shell.js";

/**
 * Tells of "action" with its name when something is to be done with what is selected.
 *
 * `source` knows what the cards stand for: `key` of a card, how many there are (`count`), their keys `between` two
 * numbers (a promise), and the ids of the `photos`
 * of some keys, and of their `segments` if cards stand for these. Cards have their `number`, from the first one on.
 */
export class Selection extends EventTarget {
  #root;
  #source;
  #keys = new Set();
  #last = null; // the number of the card that was selected or taken out last
  #hovered = null;
  #drag = null; // {from, to, before, on} while the pointer goes from a mark over other cards

  constructor(root, source) {
    super();
    this.#root = root;
    this.#source = source;
    if (looksOnly) return;
    root.addEventListener("click", (event) => this.#click(event));
    root.addEventListener("pointerover", ({ target }) => (this.#hovered = target.closest(".card")));
    root.addEventListener("pointerleave", () => (this.#hovered = null));
    root.addEventListener("pointerdown", (event) => this.#hold(event));
    addEventListener("pointermove", (event) => this.#drag && this.#dragTo(this.#cardAt(event)));
    for (const type of ["pointerup", "pointercancel"]) addEventListener(type, () => (this.#drag = null));
    document.addEventListener("keydown", (event) => this.#press(event));
    $("#select-none").addEventListener("click", () => this.clear());
    $("#select-all").addEventListener("click", () => this.#all());
    for (const button of $$("#selection [data-bulk]")) button.addEventListener("click", () => this.#act(button.dataset.bulk));
  }

  get keys() {
    return [...this.#keys];
  }

  /** The photos that are selected, each once. */
  get ids() {
    return this.#source.photos(this.keys);
  }

  /** The segments that are selected, where cards stand for segments. */
  get segments() {
    return this.#source.segments?.(this.keys) ?? [];
  }

  #act(name) {
    this.dispatchEvent(new CustomEvent("action", { detail: name }));
  }

  /** Show on a card whether it is selected. */
  dress(card) {
    const isPicked = this.#keys.has(this.#source.key(card));
    const box = $(".pick", card);
    if (box) box.checked = isPicked;
    card.classList.toggle("picked", isPicked);
  }

  clear() {
    this.#keys.clear();
    this.#last = null;
    this.show();
  }

  /** The cards have changed: keep selected only what is still among them. */
  retain() {
    const there = new Set($$(".card", this.#root).map(this.#source.key));
    for (const key of this.#keys) if (!there.has(key)) this.#keys.delete(key);
    this.#last = null;
    this.show();
  }

  show() {
    const count = this.#keys.size;
    if (looksOnly) return;
    $("#selection").hidden = count === 0;
    $("#selected").textContent = ngettext("%(num)s selected", "%(num)s selected", count);
    this.#root.classList.toggle("picking", count > 0);
    for (const card of $$(".card", this.#root)) this.dress(card);
  }

  /** A mark, or, while something is selected, a photo; with Shift everything from the one before. */
  #click(event) {
    const card = event.target.closest(".card");
    const isMark = event.target.matches(".pick");
    if (!card || !event.target.closest(".pick, .shot")) return;
    if (!isMark && (this.#keys.size === 0 || event.ctrlKey || event.metaKey)) return;
    if (!isMark) event.preventDefault();
    this.#toggle(card, event.shiftKey);
    if (isMark && event.detail) $("a", card).focus({ preventScroll: true }); // so that the arrow keys go on from here
  }

  #toggle(card, isRange) {
    const key = this.#source.key(card);
    if (isRange && this.#last !== null) this.#range(this.#last, card.number).catch((problem) => toast(problem.message));
    else if (!this.#keys.delete(key)) this.#keys.add(key);
    this.#last = card.number;
    this.show();
  }

  #between = (one, other) => this.#source.between(Math.min(one, other), Math.max(one, other) + 1);

  async #range(one, other) {
    for (const key of await this.#between(one, other)) this.#keys.add(key);
    this.show();
    announce($("#selected").textContent);
  }

  #all() {
    return this.#range(0, this.#source.count() - 1).catch((problem) => toast(problem.message));
  }

  // ---- dragging from a mark over other cards selects them, or takes them out

  #hold({ target, button }) {
    const card = target.matches(".pick") && button === 0 && target.closest(".card");
    if (!card) return;
    const on = !this.#keys.has(this.#source.key(card));
    this.#drag = { from: card.number, to: card.number, before: new Set(this.#keys), on };
    getSelection().removeAllRanges();
  }

  #cardAt({ clientX, clientY }) {
    const card = document.elementFromPoint(clientX, clientY)?.closest(".card");
    return card && this.#root.contains(card) ? card : null;
  }

  async #dragTo(card) {
    const drag = this.#drag;
    if (!card || card.number === drag.to) return;
    drag.to = card.number;
    const keys = drag.to === drag.from ? [] : await this.#between(drag.from, drag.to).catch(() => []); // a click does the rest
    if (card.number !== drag.to) return; // the pointer has gone on
    this.#keys = new Set(drag.before);
    for (const key of keys) this.#keys[drag.on ? "add" : "delete"](key);
    this.#last = drag.to;
    this.show();
  }

  #press(event) {
    if (isTyping(event.target) && !event.target.matches(".pick")) return;
    if ($("dialog[open]") || event.altKey) return;
    const key = event.key.toLowerCase();
    const isCommand = event.ctrlKey || event.metaKey;
    const focused = event.target.closest?.(".card");
    const card = this.#root.contains(focused) ? focused : this.#hovered;
    if (key === "a" && isCommand && !event.shiftKey && this.#source.count()) this.#all();
    else if (isCommand) return;
    else if (key === "x" && card?.isConnected) this.#toggle(card, event.shiftKey);
    else if (key === "escape" && this.#keys.size) this.clear();
    else if (key === "delete" && this.#keys.size) this.#act($("[data-bulk=erase]") ? "erase" : "delete");
    else return;
    event.preventDefault();
  }
}
