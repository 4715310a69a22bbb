/** A result at large, with its segment in the light and the reasons for it; arrow keys go on to the next one. */

import { actButtons } from "./acts.js";
import { $, $$, h, icon, looksOnly } from "./dom.js";
import { noteResults } from "./origin.js";
import { overlayOf, shapeOf } from "./result.js";
import { isTyping } from "./shell.js";

const large = (result) => `/api/v1/images/${result.image_id}/preview`;
const WAYS = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1 };

export class Preview {
  #root;
  #on;
  #dialog = null;
  #card = null;
  #hovered = null;

  /** Of results in `root`; `on` has `vote` and `act`, and `side` tells how a segment was judged. */
  constructor(root, on) {
    this.#root = root;
    this.#on = on;
    root.addEventListener("pointerover", ({ target }) => (this.#hovered = target.closest(".result")));
    root.addEventListener("pointerleave", () => (this.#hovered = null));
    document.addEventListener("keydown", (event) => this.#space(event));
  }

  /** Space previews the result that has the focus or is pointed at. */
  #space(event) {
    if (event.key !== " " || event.ctrlKey || event.metaKey || event.altKey || $("dialog[open]") || isTyping(event.target)) return;
    const card = event.target.matches(".result .shot") ? event.target.closest(".result") : event.target === document.body && this.#hovered;
    if (!card || !this.#root.contains(card)) return;
    event.preventDefault();
    this.open(card);
  }

  open(card) {
    this.close();
    const dialog = h("dialog", { class: "preview", "aria-label": "Preview", keydown: (event) => this.#key(event) });
    dialog.addEventListener("click", ({ target }) => target === dialog && dialog.close());
    dialog.addEventListener("close", () => this.#closed(dialog));
    this.#dialog = dialog;
    this.#root.append(dialog);
    this.#show(card);
    dialog.showModal();
    $(".next", dialog).focus();
  }

  close() {
    this.#dialog?.close();
  }

  #closed(dialog) {
    dialog.remove();
    if (this.#dialog === dialog) this.#dialog = null;
    if (!this.#card.isConnected) return;
    $(".shot", this.#card).focus({ preventScroll: true });
    this.#card.scrollIntoView({ block: "nearest" });
  }

  #neighbours() {
    const cards = $$(".result", this.#card.parentElement);
    const at = cards.indexOf(this.#card);
    return { before: cards[at - 1], after: cards[at + 1], place: `${at + 1} of ${cards.length}` };
  }

  #go = (card) => card && this.#show(card);

  #show(card) {
    const focused = this.#dialog.contains(document.activeElement) && document.activeElement.dataset.key;
    this.#card = card;
    const { result, reasons, together } = card;
    const { before, after, place } = this.#neighbours();
    const title = [place, ...$$(".score span", card).map((each) => each.textContent)].join(" · ");
    const step = (name, sign, words, to) =>
      h("button", { class: `quiet round ${name}`, type: "button", "data-key": name, title: words, "aria-label": words, "aria-disabled": String(!to), click: () => this.#go(to) }, icon(sign));
    const frame = h("div", { class: "frame" }, h("img", { src: large(result), alt: $("img", card).alt }), overlayOf(result, together));
    frame.style.setProperty("--aspect", shapeOf(result).toFixed(4));
    this.#dialog.replaceChildren(
      h("header", {},
        h("h2", { role: "status" }, title),
        step("previous", "left", "Previous (←)", before), step("next", "right", "Next (→)", after),
        h("button", { class: "quiet round", type: "button", "data-key": "close", title: "Close (Esc)", "aria-label": "Close", click: () => this.close() }, icon("close"))),
      h("div", { class: "room" }, frame),
      h("div", { class: "about" },
        !looksOnly && this.#votes(result),
        h("div", { class: "acts", click: ({ target }) => target.closest("a") && noteResults(card.parentElement, $(".shot", card)) }, actButtons(result, this.#on.act, { worded: true })),
        h("ul", { class: "reasons", "aria-label": "Reasons" }, reasons.map((line) => h("li", {}, line)))));
    if (focused) $(`[data-key="${focused}"]`, this.#dialog)?.focus();
    if (after) new Image().src = large(after.result);
  }

  #votes(result) {
    const vote = (side, sign, words) =>
      h("button", { class: `button ${side}`, type: "button", "data-key": side, "aria-pressed": String(this.#on.side(result.segment_id) === side), click: () => this.#vote(side) }, icon(sign), words);
    return h("div", { class: "verdict" }, vote("relevant", "check", "Right"), vote("irrelevant", "close", "Wrong"));
  }

  #vote(side) {
    this.#on.vote(this.#card.result, side);
    if (this.#dialog) this.#show(this.#card);
  }

  #key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const { before, after } = this.#neighbours();
    const side = { y: "relevant", n: "irrelevant" }[event.key.toLowerCase()];
    if (event.key in WAYS) this.#go(WAYS[event.key] < 0 ? before : after);
    else if (event.key === " " && !event.target.matches(".about *")) this.close();
    else if (side && !looksOnly) this.#vote(side);
    else return;
    event.preventDefault();
  }
}
