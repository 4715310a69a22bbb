/** Zooming a photo on its stage, by wheel, pinch and buttons, up to the pixels of the original; a drag pans it. */

import { $, h, icon } from "./dom.js";
import { gettext, percent } from "./i18n.js";

const DRAG = 6; // screen pixels from which a press is a drag
const STEP = 1.5; // by which a button zooms
const BEYOND = 4; // times 1:1, or times the whole photo if that is more

/**
 * Of a photo {width, height} on a stage whose picture fits it; `draws()` says whether a drag marks something, and
 * `selected()` has the box of the selected segment, if any. Tells of "change". The stage's overlay lies exactly on the
 * picture at every zoom.
 *
 * `full` is where the original is, if a browser can show it: it is loaded once the picture has too few pixels. Without
 * buttons it is zoomed by the wheel, by fingers, and by its `view`, as another one has it.
 */
export class Zoom extends EventTarget {
  #stage;
  #photo;
  #full;
  #draws;
  #selected;
  #scale = 1; // 1 where the photo fits the stage
  #at = [0, 0]; // the upper left corner of the photo, in shares of the stage
  #touches = new Map();
  #drag = null; // {x, y, moved} of a press that may become a pan
  #level = h("span", { class: "percent" });
  #buttons;

  constructor(stage, photo, { full, draws, selected, hasButtons = true }) {
    super();
    [this.#stage, this.#photo, this.#full, this.#draws, this.#selected] = [stage, photo, full, draws, selected];
    const button = (key, words, content, click) =>
      h("button", { type: "button", "data-key": key, title: `${words} (${key})`, "aria-label": words, click }, content);
    this.#buttons = h("div", { class: "zoom", role: "group", "aria-label": gettext("Zoom") },
      button("-", gettext("Zoom out"), icon("minus"), () => this.to(this.#scale / STEP)), this.#level,
      button("+", gettext("Zoom in"), icon("plus"), () => this.to(this.#scale * STEP)),
      button("0", gettext("Fit"), gettext("Fit"), () => this.to(1)),
      button("1", "1:1", "1:1", () => this.actual()));
    if (hasButtons) stage.before(this.#buttons);
    stage.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    const ways = { pointerdown: this.#down, pointermove: this.#move, pointerup: this.#up, pointercancel: this.#up };
    for (const [type, act] of Object.entries(ways)) {
      stage.addEventListener(type, (event) => event.isTrusted && act(event), { capture: true }); // before the overlay
    }
    new ResizeObserver(() => this.#show()).observe(stage);
  }

  /** Its scale, and the upper left corner of the photo in shares of the stage. */
  get view() {
    return { scale: this.#scale, at: this.#at };
  }

  /** Show what another one shows; tells nobody. */
  set view({ scale, at }) {
    this.#scale = scale;
    this.#at = at;
    this.#show();
  }

  /** The scale at which a pixel of the photo is one of the screen. */
  get #actual() {
    return this.#photo.width / devicePixelRatio / this.#width;
  }

  get #isActual() {
    return Math.abs(this.#scale / this.#actual - 1) < 0.001;
  }

  get #width() {
    return this.#stage.getBoundingClientRect().width;
  }

  /** Zoom to a scale; the point of the stage, in shares of it, stays where it is. */
  to(scale, [x, y] = [0.5, 0.5]) {
    const next = Math.min(Math.max(scale, 1), BEYOND * Math.max(1, this.#actual));
    const ratio = next / this.#scale;
    this.#scale = next;
    this.#go([x - (x - this.#at[0]) * ratio, y - (y - this.#at[1]) * ratio]);
  }

  /** Show the photo's own pixels, in the middle or where the selected segment is; if they are shown, the whole photo. */
  actual() {
    if (this.#isActual) return this.to(1);
    this.to(this.#actual);
    const box = this.#selected();
    if (box) this.reveal(box);
  }

  /** Have most of a box of the photo in sight, or the middle of it. */
  reveal([x0, y0, x1, y1]) {
    const { width, height } = this.#photo;
    const place = (value, side, axis) => this.#at[axis] + (this.#scale * value) / side;
    const [left, right, top, bottom] = [place(x0, width, 0), place(x1, width, 0), place(y0, height, 1), place(y1, height, 1)];
    const seen = (low, high) => Math.max(0, Math.min(high, 1) - Math.max(low, 0)) / Math.min(high - low, 1);
    if (seen(left, right) * seen(top, bottom) > 0.7) return;
    this.#go([this.#at[0] + 0.5 - (left + right) / 2, this.#at[1] + 0.5 - (top + bottom) / 2]);
  }

  #go([x, y]) {
    const least = 1 - this.#scale;
    this.#at = [x, y].map((value) => Math.min(0, Math.max(least, value)));
    this.#show();
    this.dispatchEvent(new Event("change"));
  }

  #show() {
    const { style, classList } = this.#stage;
    style.setProperty("--zoom", this.#scale);
    ["--x", "--y"].forEach((name, axis) => style.setProperty(name, `${100 * this.#at[axis]}%`));
    classList.toggle("zoomed", this.#scale > 1);
    this.#level.textContent = percent(this.#scale / this.#actual);
    const [out, into, fit, actual] = this.#buttons.querySelectorAll("button");
    out.disabled = fit.disabled = this.#scale === 1;
    into.disabled = this.#scale >= BEYOND * Math.max(1, this.#actual);
    actual.hidden = this.#actual <= 1;
    actual.setAttribute("aria-pressed", String(this.#isActual));
    const preview = $("img", this.#stage);
    if (this.#full && this.#scale * this.#width * devicePixelRatio > 1.1 * preview.naturalWidth) this.#load();
  }

  /** Lay the original over the preview, if it is what the preview shows. */
  async #load() {
    const picture = h("img", { class: "full", src: this.#full, alt: "" });
    this.#full = null;
    try {
      await picture.decode();
      const { naturalWidth: width, naturalHeight: height } = picture;
      if (width === this.#photo.width && height === this.#photo.height) $("img", this.#stage).after(picture);
    } catch {
      /* the preview stays */
    }
  }

  /** Where an event is, in shares of the stage. */
  #place({ clientX, clientY }) {
    const frame = this.#stage.getBoundingClientRect();
    return [(clientX - frame.left) / frame.width, (clientY - frame.top) / frame.height];
  }

  #wheel(event) {
    const { deltaY, ctrlKey } = event;
    if (event.altKey || event.shiftKey || event.metaKey || !deltaY) return;
    if (this.#scale === 1 && deltaY > 0 && !ctrlKey) return; // the page scrolls
    event.preventDefault();
    const pixels = event.deltaMode ? 16 * deltaY : deltaY;
    this.to(this.#scale * Math.exp(-pixels * (ctrlKey ? 0.01 : 0.002)), this.#place(event));
  }

  #down = (event) => {
    if (event.pointerType === "touch") this.#touches.set(event.pointerId, this.#place(event));
    if (this.#touches.size === 2) return this.#take(event);
    const pans = event.button === 1 || (event.button === 0 && this.#scale > 1 && !this.#draws());
    if (pans) this.#drag = { at: this.#place(event), x: event.clientX, y: event.clientY, moved: false };
    if (event.button === 1) event.preventDefault();
  };

  #move = (event) => {
    if (this.#touches.size === 2 && this.#touches.has(event.pointerId)) return this.#pinch(event);
    if (!this.#drag) return;
    if (!this.#drag.moved) {
      if (Math.hypot(event.clientX - this.#drag.x, event.clientY - this.#drag.y) <= DRAG) return;
      this.#drag.moved = true;
      this.#take(event);
      this.#stage.classList.add("panning");
    }
    event.stopPropagation();
    const [before, now] = [this.#drag.at, this.#place(event)];
    this.#drag.at = now;
    this.#go([this.#at[0] + now[0] - before[0], this.#at[1] + now[1] - before[1]]);
  };

  #up = (event) => {
    if (this.#drag?.moved || this.#touches.size === 2) event.stopPropagation();
    this.#touches.delete(event.pointerId);
    this.#drag = null;
    this.#stage.classList.remove("panning");
  };

  /** What has begun here is no click and no mark. */
  #take(event) {
    event.stopPropagation();
    $(".overlay", this.#stage)?.dispatchEvent(new PointerEvent("pointercancel"));
    this.#stage.setPointerCapture(event.pointerId);
  }

  #pinch(event) {
    event.stopPropagation();
    const spread = ([[a, b], [c, d]]) => Math.hypot((a - c) * this.#stage.clientWidth, (b - d) * this.#stage.clientHeight);
    const middle = ([[a, b], [c, d]]) => [(a + c) / 2, (b + d) / 2];
    const before = [...this.#touches.values()];
    this.#touches.set(event.pointerId, this.#place(event));
    const now = [...this.#touches.values()];
    const [from, to] = [middle(before), middle(now)];
    this.to(this.#scale * (spread(now) / Math.max(1, spread(before))), from);
    this.#go([this.#at[0] + to[0] - from[0], this.#at[1] + to[1] - from[1]]);
  }
}
