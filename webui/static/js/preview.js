/** A result at large, with its segment in the light and the reasons for it; arrow keys go on to the next one. */

import { actButtons } from "./acts.js";
import { baseOf } from "./base.js";
import { $, $$, h, icon } from "./dom.js";
import { gettext } from "./i18n.js";
import { noteResults } from "./origin.js";
import { canJudge, overlayOf, shapeOf } from "./result.js";
import { isTyping } from "./shell.js";

const large = (result) => `${baseOf(result)}/api/v1/images/${result.image_id}/preview`;
const WAYS = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1 };

export class Preview {
  #root;
  #on;
  #dialog = null;
  #title = null;
  #steps = null; // the buttons that go on, back and forth
  #body = null;
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
    const button = (sign, words, click) =>
      h("button", { class: "quiet round", type: "button", title: words, "aria-label": words, click }, icon(sign));
    this.#title = h("span", { role: "status" });
    this.#steps = [button("left", gettext("Previous (←)"), () => this.#go(-1)), button("right", gettext("Next (→)"), () => this.#go(1))];
    this.#body = h("div", { class: "body" });
    const dialog = h("dialog", { class: "preview", "aria-label": gettext("Preview"), keydown: (event) => this.#key(event) },
      h("header", {}, h("h2", {}, this.#title), this.#steps, button("close", gettext("Close (Esc)"), () => this.close())), this.#body);
    dialog.addEventListener("click", ({ target }) => target === dialog && dialog.close());
    dialog.addEventListener("close", () => this.#closed(dialog));
    this.#dialog = dialog;
    this.#root.append(dialog);
    this.#show(card);
    dialog.showModal();
    this.#steps[1].focus();
  }

  /** Close it, and go back to the card unless other results are coming. */
  close({ returns = true } = {}) {
    if (!this.#dialog) return;
    this.#dialog.returnValue = returns ? "" : "left";
    this.#dialog.close();
  }

  #closed(dialog) {
    dialog.remove();
    if (this.#dialog === dialog) this.#dialog = null;
    if (dialog.returnValue === "left" || !this.#card.isConnected) return;
    $(".shot", this.#card).focus({ preventScroll: true });
    this.#card.scrollIntoView({ block: "nearest" });
  }

  get #cards() {
    return $$(".result", this.#card.parentElement);
  }

  #go(way) {
    const cards = this.#cards;
    const next = cards[cards.indexOf(this.#card) + way];
    if (next) this.#show(next);
  }

  #show(card) {
    const focused = this.#body.contains(document.activeElement) && document.activeElement.dataset.key;
    this.#card = card;
    const { result, reasons, together } = card;
    const cards = this.#cards;
    const at = cards.indexOf(card);
    const said = $$(".score span", card).map((each) => each.textContent);
    this.#title.textContent = [gettext("%(num)s of %(all)s", { num: at + 1, all: cards.length }), ...said].join(" · ");
    [cards[at - 1], cards[at + 1]].forEach((to, side) => this.#steps[side].setAttribute("aria-disabled", String(!to)));
    const frame = h("div", { class: "frame" }, h("img", { src: large(result), alt: $("img", card).alt }), overlayOf(result, together));
    frame.style.setProperty("--aspect", shapeOf(result).toFixed(4));
    this.#body.replaceChildren(
      h("div", { class: "room" }, frame),
      h("div", { class: "about" },
        canJudge(result) && this.#votes(result),
        h("div", { class: "acts", click: ({ target }) => target.closest("a") && noteResults(card.parentElement, $(".shot", card)) }, actButtons(result, this.#on.act, { worded: true })),
        h("ul", { class: "reasons", "aria-label": gettext("Reasons") }, reasons.map((line) => h("li", {}, line)))));
    if (focused) $(`[data-key="${focused}"]`, this.#body)?.focus();
    if (cards[at + 1]) new Image().src = large(cards[at + 1].result);
  }

  #votes(result) {
    const vote = (side, sign, words) =>
      h("button", { class: `button ${side}`, type: "button", "data-key": side, "aria-pressed": String(this.#on.side(result.segment_id) === side), click: () => this.#vote(side) }, icon(sign), words);
    return h("div", { class: "verdict" }, vote("relevant", "check", gettext("Right")), vote("irrelevant", "close", gettext("Wrong")));
  }

  #vote(side) {
    this.#on.vote(this.#card.result, side);
    if (this.#dialog) this.#show(this.#card);
  }

  #key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const side = { y: "relevant", n: "irrelevant" }[event.key.toLowerCase()];
    if (event.key in WAYS) this.#go(WAYS[event.key]);
    else if (event.key === " " && !event.target.matches(".about *")) this.close();
    else if (side && canJudge(this.#card.result)) this.#vote(side);
    else return;
    event.preventDefault();
  }
}
