/** The line between likely results and less likely ones, which can be dragged and moved by keys. */

import { $$, h, icon } from "./dom.js";
import { gettext } from "./i18n.js";

const EDGE = 90; // pixels from the top and the bottom of the window in which dragging scrolls
const PACE = 14; // pixels that it scrolls at once
const LEAP = 10; // results that a page key goes on

/** Results in the order in which they are shown: likely ones first. */
export const inOrder = (results) => [...results.filter((each) => each.likely), ...results.filter((each) => !each.likely)];

/** How many results are above the line: as many as were chosen, or those that are likely. */
export const aboveLine = (results, chosen) =>
  Math.min(chosen ?? results.filter((each) => each.likely).length, results.length);

export class Line {
  #list;
  #onMove;
  #at = 0; // how many results are above
  #to = null; // where it is being dragged
  #pointer = null; // {x, y}
  #slider = h("div", { class: "line", role: "slider", tabindex: "0", "aria-orientation": "vertical", "aria-label": gettext("Line between likely and less likely results"), "aria-valuemin": "0" });
  #words = h("span", { class: "words" });
  #reset = h("button", { class: "quiet", type: "button", click: () => this.#onMove(null) }, icon("undo"), gettext("Reset"));

  /** In a list of results; `onMove` hears how many are to be above, null for those that are likely, and undefined if
   * it stays where it was. */
  constructor(list, onMove) {
    this.#list = list;
    this.#onMove = onMove;
    this.#slider.append(h("span", { class: "grip", title: gettext("Drag to show more or fewer as likely") }, icon("grip")), this.#words);
    const listen = (type, act) => this.#slider.addEventListener(type, act);
    listen("pointerdown", (event) => this.#hold(event));
    listen("pointermove", (event) => this.#pointer && this.#drag(event));
    listen("pointerup", () => this.#drop(true));
    listen("pointercancel", () => this.#drop(false));
    listen("keydown", (event) => this.#key(event));
    this.elements = [h("li", { class: "gap", "aria-hidden": "true" }), h("li", { class: "divider" }, this.#slider, this.#reset)];
  }

  /** Put it below as many results; `words` say what is below it, and `isMoved` whether it can be put back. */
  place(at, of, words, isMoved) {
    this.#at = at;
    this.#words.textContent = words;
    this.#reset.hidden = !isMoved;
    this.#tell(at, of);
  }

  #tell(at, of = this.#cards.length) {
    for (const [name, value] of [["valuemax", of], ["valuenow", at], ["valuetext", gettext("%(num)s of %(all)s results above", { num: at, all: of })]]) {
      this.#slider.setAttribute(`aria-${name}`, value);
    }
  }

  get #cards() {
    return $$(".result", this.#list);
  }

  #move(at) {
    const to = Math.min(Math.max(at, 0), this.#cards.length);
    if (to !== this.#at) this.#onMove(to);
    this.#slider.focus({ preventScroll: true });
    this.#slider.scrollIntoView({ block: "nearest" });
  }

  #key(event) {
    if (event.key === "Escape" && this.#pointer) return this.#drop(false);
    if (event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
    const steps = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1, PageDown: LEAP, PageUp: -LEAP, Home: -Infinity, End: Infinity };
    if (!(event.key in steps)) return;
    event.preventDefault();
    this.#move(this.#at + steps[event.key]);
  }

  // ---- by the pointer: cards stay where they are until the line is dropped, and show on which side they will be

  #hold(event) {
    if (event.button !== 0) return;
    this.#slider.setPointerCapture(event.pointerId);
    this.#list.classList.add("moving");
    this.#pointer = { x: event.clientX, y: event.clientY };
    this.#to = null;
    this.#scroll();
  }

  #drag({ clientX: x, clientY: y }) {
    this.#pointer = { x, y };
    const cards = this.#cards;
    const isBefore = (card) => {
      const { top, bottom, left, width } = card.getBoundingClientRect();
      return bottom < y || (top <= y && left + width / 2 < x);
    };
    const first = cards.findIndex((card) => !isBefore(card));
    const to = first < 0 ? cards.length : first;
    if (to === this.#to) return;
    this.#to = to;
    this.#mark(cards, to);
    this.#words.textContent = gettext("%(num)s above", { num: to });
    this.#tell(to);
  }

  #mark(cards, to) {
    cards.forEach((card, number) => {
      card.classList.toggle("beyond", number >= to);
      card.classList.toggle("cut", number === to);
      card.classList.toggle("cut-after", number === to - 1 && to === cards.length);
    });
  }

  #scroll() {
    if (!this.#pointer) return;
    const { y } = this.#pointer;
    const way = y < EDGE ? -1 : y > innerHeight - EDGE ? 1 : 0;
    if (way && this.#to !== null) {
      scrollBy({ top: way * PACE, behavior: "instant" });
      this.#drag({ clientX: this.#pointer.x, clientY: y });
    }
    requestAnimationFrame(() => this.#scroll());
  }

  #drop(isMeant) {
    if (!this.#pointer) return;
    const to = this.#to;
    this.#pointer = this.#to = null;
    this.#list.classList.remove("moving");
    for (const card of this.#cards) card.classList.remove("beyond", "cut", "cut-after");
    if (isMeant && to !== null && to !== this.#at) this.#move(to);
    else this.#onMove(undefined);
  }
}
