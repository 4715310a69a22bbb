/** The timeline: of all its photos, only those in sight and near it are in the document. */

import { getMonths } from "./api.js";
import { Blocks } from "./blocks.js";
import { cardOf, isSame } from "./card.js";
import { $, h, keepOnly } from "./dom.js";
import { date } from "./i18n.js";
import { Loading } from "./loading.js";

const NEAR = 120; // pixels above and below the window

const lie = (element, { x = 0, y, width, height }) => {
  element.style.transform = `translate(${x}px, ${y}px)`;
  if (width !== undefined) element.style.width = `${width}px`;
  element.style.height = `${height}px`;
};

export function monthName(month, style = "long") {
  const [year, number] = month.split("-").map(Number);
  const day = new Date(2000, number - 1, 1);
  day.setFullYear(year);
  return date(day, { month: style, year: "numeric" });
}

/** Tells of "laid" when heights have changed, and of "drawn" after each change of what is in the document. */
export class Timeline extends EventTarget {
  #root;
  #bar = $(".bar");
  #sections = new Map(); // in the document, by the key of their block
  #loading;
  #before = 0;
  blocks = null;
  drawn = null; // what was in sight when it was drawn last

  /** `dress` is called with each card that comes into the document; it has its photo, and the photo's number from the start. */
  constructor(root, view, row, dress) {
    super();
    Object.assign(this, { view, row, dress });
    this.#root = root;
    this.#loading = new Loading(view, (block, photos) => this.#keeping(() => this.blocks.take(block, photos)));
  }

  /** Ask what months there are, and show them; at first, and when something has changed. */
  async refresh() {
    const { months } = await getMonths(this.view);
    this.#keeping(() => {
      this.#loading.stop();
      this.blocks = new Blocks(months, this.#geometry(), this.blocks);
    });
    return this.blocks.count;
  }

  #geometry() {
    return { width: this.#root.clientWidth, row: this.row };
  }

  /** Lay out anew: the page has another width, or rows another height. */
  lay(row = this.row) {
    if (!this.blocks || (row === this.row && this.#root.clientWidth === this.blocks.geometry.width)) return;
    this.row = row;
    this.#keeping(() => this.blocks.lay(this.#geometry()));
  }

  /** The part of the timeline that is in sight, from its top, and how much of the window the bar covers. */
  get sight() {
    const { top } = this.#root.getBoundingClientRect();
    const covered = this.#bar.offsetHeight;
    return { top: covered - top, bottom: innerHeight - top, covered };
  }

  /** Change heights, while what one looks at stays where it is. */
  #keeping(change) {
    const held = this.blocks && this.place();
    change();
    this.#root.style.height = `${this.blocks.height}px`;
    this.dispatchEvent(new Event("laid"));
    if (held) this.#hold(held);
    this.draw();
  }

  /** Where one is: the first photo in sight, or how far down one is in a block whose photos have not come. */
  place() {
    const { top, bottom } = this.sight;
    if (top <= 0) return null;
    for (const { key, boxes, photos, top: y, head } of this.blocks.between(top, bottom)) {
      const at = boxes.findIndex((box) => y + head + box.y + box.height > top);
      if (at >= 0) return { key, at, id: photos[at].id, off: y + head + boxes[at].y - top };
    }
    const block = this.blocks.at(top);
    return { key: block.key, share: (top - block.top) / block.height };
  }

  #hold({ key, id, off, share }) {
    const block = this.blocks.named(key);
    if (!block) return;
    if (share !== undefined) return this.scrollTo(block.top + share * block.height);
    const number = this.blocks.all.indexOf(block);
    for (const near of [block, this.blocks.all[number + 1], this.blocks.all[number - 1]]) {
      const at = near?.photos?.findIndex((photo) => photo.id === id) ?? -1;
      if (at >= 0) return this.scrollTo(near.top + near.head + near.boxes[at].y - off);
    }
  }

  /** Go back to a place that was told before, in this view. */
  async restore({ key, at, off, share }) {
    const block = this.blocks.named(key);
    if (!block) return;
    this.scrollTo(block.top + (share ?? at / block.count) * block.height);
    await this.#loading.load(block);
    if (block.boxes[at]) this.scrollTo(this.blocks.boxOf(block.first + at).y - off);
  }

  /** Put a height of the timeline below the bar. */
  scrollTo(y) {
    const top = scrollY + y - this.sight.top;
    if (Math.abs(top - scrollY) >= 1) scrollTo({ top, behavior: "instant" });
  }

  /** Go to a photo by its number, and focus it. */
  async focus(number) {
    const block = this.blocks.holding(number);
    this.#show(number);
    await this.#loading.load(block);
    this.#show(number);
    this.draw();
    const id = block.photos?.[number - block.first]?.id;
    if (id) $(`[data-id="${id}"] a`, this.#root)?.focus({ preventScroll: true });
  }

  /** Scroll as far as needed to have a photo in sight. */
  #show(number) {
    const { y, height } = this.blocks.boxOf(number);
    const { top, bottom } = this.sight;
    const block = this.blocks.holding(number);
    const above = y - 12 - (y < block.top + block.head + 1 ? block.head : 0); // with the name of the month
    if (above < top) this.scrollTo(number === 0 ? -this.sight.covered - scrollY : above);
    else if (y + height + 12 > bottom) this.scrollTo(top + y + height + 12 - bottom);
  }

  /** Put into the document what is in sight, and take out what is not. */
  draw() {
    if (!this.blocks?.count) return;
    const { top, bottom } = (this.drawn = this.sight);
    const wanted = this.blocks.between(top - NEAR, bottom + NEAR);
    const held = document.activeElement?.closest(".block");
    const pinned = held && this.blocks.named(held.dataset.key);
    if (pinned && !wanted.includes(pinned)) wanted[pinned.top < top ? "unshift" : "push"](pinned);
    const sections = wanted.map((block) => this.#section(block));
    keepOnly(this.#root, sections);
    this.#sections = new Map(sections.map((section) => [section.dataset.key, section]));
    for (const block of wanted) this.#fill(block, top - NEAR, bottom + NEAR);
    const isFast = Math.abs(scrollY - this.#before) > innerHeight;
    this.#before = scrollY;
    this.#loading.ask(wanted, isFast);
    this.dispatchEvent(new Event("drawn"));
  }

  #section(block) {
    const name = monthName(block.month);
    const made = this.#sections.get(block.key) ?? h("section", { class: "block", "data-key": block.key, "aria-label": name },
      block.from === 0 && h("h2", { class: "month" }, name), h("ul"));
    if (made.top !== block.top || made.tall !== block.height) {
      Object.assign(made, { top: block.top, tall: block.height });
      lie(made, { y: block.top, height: block.height });
    }
    return made;
  }

  #fill({ key, top: start, head, first, photos, boxes }, top, bottom) {
    const list = $("ul", this.#sections.get(key));
    list.classList.toggle("waiting", !photos);
    list.style.setProperty("--row", `${this.row}px`);
    const known = new Map([...list.children].map((card) => [card.photo.id, card]));
    const focused = document.activeElement?.closest(".card");
    const cards = boxes.map((box, at) => {
      const photo = photos[at];
      const there = known.get(photo.id);
      const y = start + head + box.y;
      if (y > bottom || y + box.height < top) if (!there || there !== focused) return null;
      const card = there && isSame(there.photo, photo) ? there : Object.assign(cardOf(photo), { photo });
      if (card.box !== box) lie(card, (card.box = box));
      if (card.number !== first + at || card.of !== this.blocks.count) {
        Object.assign(card, { number: first + at, of: this.blocks.count });
        this.dress(card);
      }
      return card;
    });
    keepOnly(list, cards.filter(Boolean));
    if (focused?.photo && !focused.isConnected) $(`[data-id="${focused.photo.id}"] a`, list)?.focus({ preventScroll: true });
  }
}
