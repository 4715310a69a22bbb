/** The photo that is searched from, with its segments to pick among. */

import { getImage, getQuery } from "./api.js";
import { cropOf } from "./crop.js";
import { $$, h, icon, plural, whenSeen } from "./dom.js";
import { SegmentOverlay } from "./overlay.js";
import { Mask } from "./rle.js";

const SIZES = [[0, "Part"], [null, "Auto"], [1, "Whole"]]; // granularities that can be chosen
const STRIP = 40; // segments shown as cut-outs below the photo

/** Where a source's picture is. */
const pictureOf = ({ kind, id }) =>
  kind === "query" ? `/api/v1/queries/${id}/file` : `/api/v1/images/${id}/preview`;

/**
 * Shows a source {kind: "query" | "image", id}. `onPick` hears of what is picked: {segment}, {point}, {box} or {whole},
 * with `add` where it is meant beside what is picked already.
 */
export class Picker {
  #root;
  #onPick;
  #wanted = null; // the key of the source that is to be shown, and of the one that is
  #shown = null;
  #overlay = null;
  photo = null;

  constructor(root, onPick) {
    this.#root = root;
    this.#onPick = onPick;
    document.addEventListener("keydown", (event) => event.key === "." && this.#overlay?.deeper());
  }

  clear() {
    this.#root.hidden = true;
    this.#root.replaceChildren();
    this.#wanted = this.#shown = this.#overlay = this.photo = null;
  }

  /** Show a file before the server has answered. */
  preview(file) {
    this.clear();
    const url = URL.createObjectURL(file);
    const image = h("img", { src: url, alt: "The photo you chose", error: () => image.remove() });
    const stage = h("div", { class: "stage working" }, image);
    image.addEventListener("load", () => {
      stage.style.setProperty("--shape", image.naturalWidth / image.naturalHeight);
      URL.revokeObjectURL(url);
    });
    const note = h("p", { class: "caption", role: "status" }, "Segmenting the photo…");
    this.#root.replaceChildren(stage, note);
    this.#root.hidden = false;
    return (text) => (note.textContent = text);
  }

  async show(source) {
    const key = `${source.kind}-${source.id}`;
    this.#wanted = key;
    if (key === this.#shown) return;
    const load = source.kind === "query" ? getQuery : getImage;
    const photo = { ...(await load(source.id)), url: pictureOf(source) };
    if (this.#wanted !== key) return;
    this.clear();
    this.#wanted = this.#shown = key;
    this.photo = photo;
    this.#build(source);
  }

  /** Mark what is being searched with. */
  mark(ids, box) {
    this.#overlay?.choose(ids, box);
    for (const button of $$("[data-segment]", this.#root)) {
      button.setAttribute("aria-pressed", String(ids.includes(Number(button.dataset.segment))));
    }
  }

  #build(source) {
    const { url, width, height, segments, filename } = this.photo;
    const name = source.kind === "query" ? "Your photo" : (filename ?? `Photo ${source.id}`);
    const label = `${name} with ${plural(segments.length, "segment")}. Arrow keys move between them, Enter searches.`;
    const picture = h("img", { src: url, width, height, alt: name });
    const stage = h("div", { class: "stage", tabindex: "0", role: "group", "aria-label": label }, picture);
    const caption = h("p", { class: "caption", "aria-live": "polite" });
    stage.style.setProperty("--shape", width / height);
    this.#root.replaceChildren(stage, caption, this.#granularity(), this.#strip(), this.#actions(source));
    this.#root.hidden = false;
    this.#overlay = new SegmentOverlay(stage, this.photo, source);
    this.#listen(caption);
  }

  #listen(caption) {
    const resting = this.photo.segments.length
      ? "Click what you are looking for, or drag a box around it. Click again for the next segment there."
      : "No segments were found. Search with the whole photo.";
    const tell = ({ segment, row, place, of }) => {
      const here = of > 1 && place ? ` · ${place} of ${of} here` : "";
      const name = segment?.label ?? `Segment ${row + 1}`;
      caption.textContent = segment ? `${name} · quality ${segment.quality.toFixed(2)}${here}` : resting;
      for (const button of $$("[data-segment]", this.#root)) {
        button.classList.toggle("active", Number(button.dataset.segment) === segment?.id);
      }
    };
    tell({ segment: null });
    this.#overlay.addEventListener("highlight", ({ detail }) => tell(detail));
    const pick = ({ detail: { segment, add } }) => this.#onPick({ segment: segment.id, add });
    this.#overlay.addEventListener("pick", pick);
    this.#overlay.addEventListener("point", ({ detail }) => this.#onPick(detail));
    this.#overlay.addEventListener("box", ({ detail }) => this.#onPick(detail));
  }

  /** Whether a click means a part, the whole, or what is most likely meant. */
  #granularity() {
    const button = ([value, name]) =>
      h("button", { type: "button", "aria-pressed": String(value === null), click: (event) => {
        for (const each of group.children) each.setAttribute("aria-pressed", String(each === event.currentTarget));
        this.#overlay.granularity = value;
      } }, name);
    const group = h("div", { class: "switch", role: "group", "aria-label": "What a click picks" }, SIZES.map(button));
    return h("div", { class: "granularity", hidden: !this.photo.segments.length }, group);
  }

  #strip() {
    const button = (segment, row) =>
      h("button", {
        type: "button",
        "data-segment": segment.id,
        "data-stop": true,
        "aria-pressed": "false",
        "aria-label": `Search with ${segment.label ?? `segment ${row + 1}`}`,
        click: (event) => this.#onPick({ segment: segment.id, add: event.shiftKey || event.ctrlKey || event.metaKey }),
        pointerenter: () => this.#overlay.highlight(segment.id),
        pointerleave: () => this.#overlay.highlight(null),
        focus: () => this.#overlay.highlight(segment.id),
        blur: () => this.#overlay.highlight(null),
      }, cutOut(this.photo, segment));
    const { segments } = this.photo;
    const group = { role: "group", "aria-label": "Segments of the photo", hidden: !segments.length };
    return h("div", { class: "strip", "data-walk": true, ...group }, segments.slice(0, STRIP).map(button));
  }

  #actions(source) {
    const draw = h("button", { class: "button", type: "button", "aria-pressed": "false", "data-key": "b", click: () => {
      this.#overlay.drawing = !this.#overlay.drawing;
      draw.setAttribute("aria-pressed", String(this.#overlay.drawing));
    } }, icon("box"), "Draw a box");
    const takeAll = () => this.#onPick({ whole: true });
    const whole = h("button", { class: "button", type: "button", click: takeAll }, icon("photo"), "Whole photo");
    const link = { href: `/photos/${source.id}`, title: "Open the photo", "aria-label": "Open the photo" };
    const page = source.kind === "image" && h("a", { class: "button", ...link }, icon("right"));
    return h("div", { class: "actions" }, whole, draw, page);
  }
}

function cutOut(photo, segment) {
  const place = h("span", { class: "crop" });
  whenSeen(place, () => place.replaceChildren(cropOf(photo, segment.box_xyxy, new Mask(segment.mask))));
  return place;
}
