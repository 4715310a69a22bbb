/** What can be done with the selected segment of a photo, in a bar beside it. */

import { base } from "./base.js";
import { addToQuery } from "./draft.js";
import { $, announce, h, icon, looksOnly, toast } from "./dom.js";
import { gettext, pgettext } from "./i18n.js";
import { Naming } from "./naming.js";
import { empty, format } from "./refs.js";

const GAP = 8; // pixels between the segment and the bar, and between the bar and the edge

/** Of a photo, over its `stage`, in a `board` that holds both. Tells of "close", and of "rename" when segments have got other names. */
export class SegmentBar extends EventTarget {
  #board;
  #stage;
  #photo;
  #naming;
  #bar = h("div", { class: "segment-bar", role: "toolbar", "data-walk": true, hidden: true });
  segment = null;

  constructor(board, stage, photo) {
    super();
    this.#board = board;
    this.#stage = stage;
    this.#photo = photo;
    this.#naming = new Naming(photo, ({ renamed } = {}) => {
      if (renamed) this.dispatchEvent(new Event("rename"));
      this.place();
    });
    board.append(this.#bar);
    document.addEventListener("keydown", (event) => this.#key(event));
    new ResizeObserver(() => this.place()).observe(board);
  }

  /** Show it for a segment; `name` says which that is. */
  show(segment, name) {
    this.segment = segment;
    this.#bar.setAttribute("aria-label", gettext("Actions for %(name)s", { name }));
    this.#bar.replaceChildren(...this.#actions(), this.#naming.element);
    this.#bar.hidden = false;
    this.place();
    this.#naming.show(segment).catch((problem) => toast(problem.message));
  }

  focus() {
    $("a, button", this.#bar).focus();
  }

  /** Close it; the focus goes back to the photo if it was here. */
  close() {
    if (this.#bar.hidden) return;
    const hadFocus = this.#bar.contains(document.activeElement);
    this.#bar.hidden = true;
    this.segment = null;
    if (hadFocus) this.#stage.focus({ preventScroll: true });
    this.dispatchEvent(new Event("close"));
  }

  /** Below what is in sight of the segment if there is room, else above it, else at the foot of the photo. */
  place() {
    if (this.#bar.hidden) return;
    const [board, stage, picture] = [this.#board, this.#stage, $(".overlay", this.#stage)].map((each) => each.getBoundingClientRect());
    const scale = picture.width / this.#photo.width;
    const clip = (value, low, high) => Math.max(low, Math.min(value, high));
    const [x0, y0, x1, y1] = this.segment.box_xyxy.map((value, at) => {
      const axis = at % 2 ? "y" : "x";
      const [low, high] = axis === "x" ? [stage.left, stage.right] : [stage.top, stage.bottom];
      return clip(picture[axis] + scale * value, low, high) - board[axis];
    });
    const { offsetWidth: width, offsetHeight: height } = this.#bar;
    const lowest = board.height - height - GAP;
    const [below, above] = [y1 + GAP, y0 - GAP - height];
    const isSeen = x1 > x0 && y1 > y0;
    const y = isSeen && below <= lowest ? below : isSeen && above >= GAP ? above : lowest;
    this.#bar.style.setProperty("--left", `${clip((x0 + x1 - width) / 2, GAP, Math.max(GAP, board.width - width - GAP))}px`);
    this.#bar.style.setProperty("--top", `${Math.max(GAP, y)}px`);
  }

  #actions() {
    const { id } = this.segment;
    const button = (sign, words, act) =>
      h("button", { class: "quiet", type: "button", "data-stop": true, "data-sign": sign, title: words, click: act }, icon(sign), h("span", {}, words));
    const add = (side, words) => () => {
      addToQuery(id, side);
      announce(words);
    };
    return [
      h("a", { class: "button primary", "data-stop": true, href: format({ ...empty(), positive: [{ segment: id }] }) }, icon("search"), gettext("Search")),
      button("plus", gettext("Add to query"), add("positive", gettext("Added to the query"))),
      button("minus", gettext("Not this"), add("negative", gettext("Excluded from the query"))),
      !looksOnly && button("tag", pgettext("verb", "Name"), () => this.#naming.ask()),
      this.#copying(button),
      h("button", { class: "quiet round", type: "button", "data-stop": true, "aria-label": gettext("Close"), title: gettext("Close (Esc)"), click: () => this.close() }, icon("close")),
    ].filter(Boolean);
  }

  /** Copying the cut-out; where the clipboard takes no pictures, downloading it. */
  #copying(button) {
    const address = `${base}/api/v1/segments/${this.segment.id}/cutout.png`;
    const download = () => h("a", { href: address, download: `segment-${this.segment.id}.png` }).click();
    if (!navigator.clipboard?.write || !globalThis.ClipboardItem) return button("download", gettext("Download cut-out"), download);
    return button("copy", gettext("Copy cut-out"), async () => {
      try {
        await navigator.clipboard.write([new ClipboardItem({ "image/png": pictureAt(address) })]);
        toast(gettext("The cut-out is in the clipboard."));
      } catch (problem) {
        if (problem instanceof TypeError) return toast(gettext("The cut-out could not be fetched. Is the server still running?"));
        download();
        toast(gettext("The clipboard took no picture: the cut-out is downloaded instead."));
      }
    });
  }

  #key(event) {
    if (event.key !== "Escape" || event.defaultPrevented || this.#bar.hidden || $("dialog[open]")) return;
    if (event.target !== document.body && !this.#board.contains(event.target)) return;
    event.preventDefault();
    if (!this.#naming.isAsking) return this.close();
    this.#naming.close();
    $("[data-sign=tag]", this.#bar).focus();
  }
}

async function pictureAt(address) {
  const answer = await fetch(address);
  if (!answer.ok) throw new TypeError(`status ${answer.status}`);
  return answer.blob();
}
