/** A rectangle over a photo with handles at its corners and sides, moved by the pointer, by fingers and by arrow keys. */

import { $, h } from "./dom.js";
import { gettext } from "./i18n.js";

const HANDLES = [
  ["nw", gettext("Top left corner")], ["n", gettext("Top side")], ["ne", gettext("Top right corner")], ["e", gettext("Right side")],
  ["se", gettext("Bottom right corner")], ["s", gettext("Bottom side")], ["sw", gettext("Bottom left corner")], ["w", gettext("Left side")],
];
const WAYS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const [STEP, LEAP] = [0.01, 0.1]; // of the photo that an arrow key moves a side, and with Shift
const LEAST = 0.03; // of the photo, for the sides of the rectangle
const MARGIN = 0.15; // of the photo, around the rectangle at first

export class Cropper {
  #stage;
  #photo;
  #onClose;
  #box = null; // [x0, y0, x1, y1] in shares of the photo
  #held = null; // {x, y, box} where the pointer took hold of it
  #frame;

  /** Over the `stage` of a photo; `onClose` hears of Escape. */
  constructor(stage, photo, onClose) {
    this.#stage = stage;
    this.#photo = photo;
    this.#onClose = onClose;
    const handle = ([side, name]) =>
      h("button", { class: `handle ${side}`, type: "button", "data-side": side, "aria-label": gettext("%(side)s of the region", { side: name }), title: gettext("%(side)s: drag it, or press arrow keys", { side: name }) });
    const middle = h("button", { class: "middle", type: "button", "data-side": "nesw", "aria-label": gettext("The region: arrow keys move it") });
    this.#frame = h("div", { class: "crop-frame", role: "group", "aria-label": gettext("Region of the photo") }, middle, HANDLES.map(handle));
    this.#frame.addEventListener("pointerdown", (event) => this.#hold(event));
    this.#frame.addEventListener("pointermove", (event) => this.#held && this.#drag(event));
    for (const type of ["pointerup", "pointercancel"]) this.#frame.addEventListener(type, () => (this.#held = null));
    this.#frame.addEventListener("keydown", (event) => this.#key(event));
  }

  get isOpen() {
    return this.#box !== null;
  }

  /** [x0, y0, x1, y1] in pixels of the photo. */
  get box() {
    const { width, height } = this.#photo;
    return this.#box.map((share, at) => Math.round(share * (at % 2 ? height : width)));
  }

  /** Show it around a box in pixels of the photo, or else around the middle. */
  open(box = null) {
    const { width, height } = this.#photo;
    this.#stage.append(this.#frame);
    this.#stage.classList.add("cropping");
    this.#place(box ? box.map((value, at) => value / (at % 2 ? height : width)) : [MARGIN, MARGIN, 1 - MARGIN, 1 - MARGIN]);
    $(".handle", this.#frame).focus({ preventScroll: true });
  }

  close() {
    this.#box = this.#held = null;
    this.#frame.remove();
    this.#stage.classList.remove("cropping");
  }

  #place(box) {
    this.#box = box;
    ["left", "top", "right", "bottom"].forEach((side, at) => this.#frame.style.setProperty(`--${side}`, at < 2 ? box[at] : 1 - box[at]));
  }

  /** The box with sides moved by shares of the photo: those named by their points of the compass, or all. */
  #moved(box, sides, dx, dy) {
    const clip = (value, low, high) => Math.min(Math.max(value, low), high);
    const [x0, y0, x1, y1] = box;
    if (sides === "nesw") {
      const [x, y] = [clip(dx, -x0, 1 - x1), clip(dy, -y0, 1 - y1)];
      return [x0 + x, y0 + y, x1 + x, y1 + y];
    }
    return [
      sides.includes("w") ? clip(x0 + dx, 0, x1 - LEAST) : x0,
      sides.includes("n") ? clip(y0 + dy, 0, y1 - LEAST) : y0,
      sides.includes("e") ? clip(x1 + dx, x0 + LEAST, 1) : x1,
      sides.includes("s") ? clip(y1 + dy, y0 + LEAST, 1) : y1,
    ];
  }

  #hold(event) {
    if (event.button !== 0) return;
    this.#frame.setPointerCapture(event.pointerId);
    this.#held = { sides: event.target.dataset.side, x: event.clientX, y: event.clientY, box: this.#box };
  }

  #drag({ clientX, clientY }) {
    const { width, height } = this.#stage.getBoundingClientRect();
    const { sides, x, y, box } = this.#held;
    this.#place(this.#moved(box, sides, (clientX - x) / width, (clientY - y) / height));
  }

  #key(event) {
    if (event.key === "Escape") this.#onClose();
    else if (event.key in WAYS && !event.altKey && !event.ctrlKey && !event.metaKey) {
      const step = event.shiftKey ? LEAP : STEP;
      const [dx, dy] = WAYS[event.key];
      this.#place(this.#moved(this.#box, event.target.dataset.side, dx * step, dy * step));
    } else return;
    event.preventDefault();
    event.stopPropagation();
  }
}
