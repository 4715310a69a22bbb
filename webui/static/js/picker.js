/** The photo that is searched from, with its segments to pick among. */

import { getImage, getQuery } from "./api.js";
import { base } from "./base.js";
import { cropTool } from "./croptool.js";
import { $$, h, icon, qualityOf } from "./dom.js";
import { dotsOf } from "./dots.js";
import { gettext, ngettext } from "./i18n.js";
import { SegmentOverlay } from "./overlay.js";
import { stripOf } from "./strip.js";
import { adviceFor, strokeButtons, Strokes, toolButtons } from "./tools.js";

const SIZES = [[0, gettext("Part")], [null, gettext("Auto")], [1, gettext("Whole")]]; // granularities that can be chosen

const keyOf = ({ kind, id }) => `${kind}-${id}`;

/** Where a source's picture is. */
const pictureOf = ({ kind, id }) => `${base}/api/v1/${kind === "query" ? `queries/${id}/file` : `images/${id}/preview`}`;

/**
 * Shows a source {kind: "query" | "image", id}. `onPick` hears of what is picked: {segment}, {point}, {box}, {polygon},
 * {region}, {points, not_points}, {whole}, {things} for each thing by itself (those `within` a box, if there is one) or,
 * where all points are taken back, {nothing}; with `add` where it is meant beside what is picked already.
 */
export class Picker {
  #root;
  #onPick;
  #wanted = null; // the key of the source that is to be shown, and of the one that is
  #shown = null;
  #overlay = null;
  #strokes = new Strokes();
  #endCrop = () => {};
  #things = null; // the button that searches with each thing
  #advice = null; // how the chosen tool is used
  #rest = () => {}; // shows the caption that goes with nothing pointed at
  photo = null;

  constructor(root, onPick) {
    this.#root = root;
    this.#onPick = onPick;
    document.addEventListener("keydown", (event) => event.key === "." && this.#overlay?.deeper());
  }

  clear() {
    this.#root.hidden = true;
    this.#root.replaceChildren();
    this.#wanted = this.#shown = this.#overlay = this.#things = this.photo = null;
    this.#endCrop = () => {};
    this.#strokes.clear();
  }

  /** Show a file before the server has answered. */
  preview(file) {
    this.clear();
    const url = URL.createObjectURL(file);
    const image = h("img", { src: url, alt: gettext("The photo you chose"), error: () => image.remove() });
    const stage = h("div", { class: "stage working" }, image);
    image.addEventListener("load", () => {
      stage.style.setProperty("--shape", image.naturalWidth / image.naturalHeight);
      URL.revokeObjectURL(url);
    });
    const note = h("p", { class: "caption", role: "status" }, gettext("Segmenting the photo…"));
    this.#root.replaceChildren(stage, note);
    this.#root.hidden = false;
    return (text) => (note.textContent = text);
  }

  shows = (source) => this.#shown === keyOf(source);

  async show(source) {
    const key = keyOf(source);
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

  /** Put the spotlight on a segment, or on none. */
  highlight(id) {
    this.#overlay?.highlight(id);
  }

  /** Mark the references to this photo that are searched with, and what came of them as far as it is known; or that its things are. */
  mark(used, refs, { things, within }) {
    this.#things?.setAttribute("aria-pressed", String(things && !within));
    const ids = used.flatMap(({ segment }) => (segment ? [segment.id] : []));
    const made = used.filter(({ mask }) => mask);
    this.#strokes.take(refs.find(({ points }) => points));
    this.#overlay?.choose(ids, made.map(({ mask }) => mask), within ? [...refs, { box: within }] : refs);
    for (const button of $$("[data-segment]", this.#root)) {
      button.setAttribute("aria-pressed", String(ids.includes(Number(button.dataset.segment))));
    }
    if (refs.some(({ region }) => region) || within) return this.#rest(within ? gettext("The things inside the region") : gettext("The region as it is"));
    const marked = used.find(({ ref }) => ref.box || ref.polygon || ref.points);
    const { quality, label } = marked?.segment ?? marked ?? {};
    const what = marked?.segment ? (label ?? gettext("One of its segments")) : gettext("A new segment, made from your mark");
    this.#rest(marked && `${what} · ${qualityOf(quality)}`);
  }

  #build(source) {
    const { url, width, height, segments, filename } = this.photo;
    const name = source.kind === "query" ? gettext("Your photo") : (filename ?? gettext("Photo %(id)s", { id: source.id }));
    const label = ngettext("%(name)s with %(num)s segment. Arrow keys move between them, Enter searches.", "%(name)s with %(num)s segments. Arrow keys move between them, Enter searches.", segments.length, { name });
    const picture = h("img", { src: url, width, height, alt: name });
    const stage = h("div", { class: "stage", tabindex: "0", role: "group", "aria-label": label }, picture);
    const caption = h("p", { class: "caption", "aria-live": "polite" });
    stage.style.setProperty("--shape", width / height);
    this.#overlay = new SegmentOverlay(stage, this.photo, source);
    const on = { onPick: (segment, event) => this.#pickSegment(segment, event), onPoint: (id) => this.highlight(id) };
    stage.append(dotsOf(this.photo, on));
    const granularity = this.#granularity();
    this.#root.replaceChildren(stage, caption, granularity, ...this.#tools(stage, source, granularity), stripOf(this.photo, on));
    this.#root.hidden = false;
    this.#listen(caption);
  }

  #listen(caption) {
    let [rest, last] = [null, { segment: null }];
    this.#rest = (told) => {
      rest = told ?? null;
      tell(last);
    };
    const tell = (pointed) => {
      const { segment, row, place, of } = (last = pointed);
      const here = of > 1 && place ? ` · ${gettext("%(num)s of %(all)s here", { num: place, all: of })}` : "";
      const name = segment?.label ?? gettext("Segment %(number)s", { number: row + 1 });
      const advice = rest ?? this.#advice ?? adviceFor(this.photo);
      caption.textContent = segment ? `${name} · ${qualityOf(segment.quality)}${here}` : advice;
      for (const button of $$("[data-segment]", this.#root)) {
        button.classList.toggle("active", Number(button.dataset.segment) === segment?.id);
      }
    };
    tell(last);
    this.#overlay.addEventListener("highlight", ({ detail }) => tell(detail));
    this.#overlay.addEventListener("pick", ({ detail: { segment, add } }) => this.#onPick({ segment: segment.id, add }));
    this.#overlay.addEventListener("point", ({ detail }) => this.#onPick(detail));
    for (const mark of ["box", "lasso"]) this.#overlay.addEventListener(mark, ({ detail }) => this.#onPick(detail));
    this.#overlay.addEventListener("stroke", ({ detail }) => this.#stroke((strokes) => strokes.add(detail)));
  }

  #pickSegment({ id }, { shiftKey, ctrlKey, metaKey }) {
    this.#endCrop();
    this.#onPick({ segment: id, add: shiftKey || ctrlKey || metaKey });
  }

  /** Change the strokes, and search with what they mean now. */
  #stroke(change) {
    const before = this.#strokes.place.points.length;
    change(this.#strokes);
    const { place } = this.#strokes;
    if (place.points.length) return this.#onPick(place);
    if (before) return this.#onPick({ nothing: true });
    this.#overlay.choose([], [], [place]); // what is not meant says nothing by itself
  }

  /** Whether a click means a part, the whole, or what is most likely meant. */
  #granularity() {
    const button = ([value, name]) =>
      h("button", { type: "button", "aria-pressed": String(value === null), click: (event) => {
        for (const each of group.children) each.setAttribute("aria-pressed", String(each === event.currentTarget));
        this.#overlay.granularity = value;
      } }, name);
    const group = h("div", { class: "switch", role: "group", "aria-label": gettext("What a click picks") }, SIZES.map(button));
    return h("div", { class: "granularity", hidden: !this.photo.segments.length }, group);
  }

  /** The buttons that go with points, and those that choose how a thing is marked. */
  #tools(stage, source, granularity) {
    const strokes = strokeButtons(this.#overlay, {
      onUndo: () => this.#stroke((each) => each.undo()),
      onClear: () => this.#stroke((each) => each.clear()),
    });
    strokes.hidden = true;
    const onChange = (tool, advice) => {
      if (tool !== "pick") this.#endCrop();
      strokes.hidden = tool !== "points";
      granularity.hidden = tool === "points" || !this.photo.segments.length;
      this.#advice = advice;
      this.#rest();
    };
    const tools = toolButtons(this.#overlay, ["box", "lasso", "points"], onChange);
    const onOpen = () => tools.find((each) => each.getAttribute("aria-pressed") === "true")?.click();
    const crop = cropTool(stage, this.photo, { onOpen, onPick: this.#onPick });
    this.#endCrop = crop.end;
    const whole = h("button", { class: "button", type: "button", click: () => this.#onPick({ whole: true }) }, icon("photo"), gettext("Whole photo"));
    const link = { href: `${base}/photos/${source.id}`, title: gettext("Open the photo"), "aria-label": gettext("Open the photo") };
    const page = source.kind === "image" && h("a", { class: "button", ...link }, icon("right"));
    const state = { "aria-pressed": "false", hidden: !this.photo.segments.length };
    this.#things = h("button", { class: "button", type: "button", ...state, click: () => this.#onPick({ things: true }) }, icon("layers"), gettext("All things"));
    return [strokes, crop.actions, h("div", { class: "actions" }, tools, crop.button, this.#things, whole, page)];
  }
}
