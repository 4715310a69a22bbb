/** The segments that a photo has beside those that another recipe would find, so that a person can choose. */

import { otherRecipes, patiently, previewSegmentation, takeSegmentation } from "./api.js";
import { $, h, icon, toast } from "./dom.js";
import { gettext, ngettext } from "./i18n.js";
import { Layers } from "./layers.js";
import { Zoom } from "./zoom.js";

/** Open the dialog for a photo as `getImage` answers it, with the picture's `url`. */
export async function compareRecipes(photo, opener) {
  let found;
  try {
    found = await otherRecipes(photo.id);
  } catch (problem) {
    return toast(problem.message);
  }
  new Comparison(photo, found, opener).open();
}

/** One of the two sides: a picture with outlines, and in words what it shows. */
class Side {
  #photo;
  #stage;
  #layers = null;
  #rest = "";
  #words = h("p", { class: "caption" });
  #status = h("p", { class: "hint" });
  #title = h("h3");
  #segments = null;
  element;
  zoom;

  constructor(photo, shape) {
    this.#photo = photo;
    this.#stage = h("div", { class: "stage" }, h("img", { src: photo.url, alt: "" }));
    this.#stage.style.setProperty("--shape", shape);
    this.element = h("figure", {}, h("figcaption", {}, this.#title, this.#status),
      h("div", { class: "board" }, this.#stage), this.#words);
  }

  /** Show these segments of the photo, or none yet (null); `rest` is told while none is pointed at. */
  show(title, segments, rest = "") {
    $(".overlay", this.#stage)?.remove();
    $(".level", this.#stage)?.remove();
    this.#layers = segments && new Layers(this.#stage, { ...this.#photo, segments });
    this.#stage.classList.remove("pointed");
    this.#stage.classList.toggle("waits", !segments);
    this.#title.textContent = title;
    this.#status.textContent = segments ? ngettext("%(num)s segment", "%(num)s segments", segments.length) : "";
    this.#words.replaceChildren(rest);
    this.#rest = rest;
    this.#segments = segments;
  }

  /** Zoom, and tell where the pointer is, in shares of the photo, or that it has left (null). */
  connect(onPoint, options) {
    this.zoom = new Zoom(this.#stage, this.#photo, { draws: () => false, selected: () => null, ...options });
    this.#stage.addEventListener("pointermove", (event) => {
      const frame = $(".overlay, img", this.#stage).getBoundingClientRect();
      const share = (at, from, length) => (at - from) / length;
      onPoint([share(event.clientX, frame.left, frame.width), share(event.clientY, frame.top, frame.height)]);
    });
    this.#stage.addEventListener("pointerleave", () => onPoint(null));
  }

  /** Put the spotlight on the smallest segment at a place, in shares of the photo; null for none. */
  point(place) {
    if (!this.#layers) return;
    const rows = place ? this.#layers.covering([place[0] * this.#photo.width, place[1] * this.#photo.height]) : [];
    const area = (row) => this.#segments[row].area;
    const row = rows.length ? rows.reduce((a, b) => (area(b) < area(a) ? b : a)) : -1;
    this.#layers.spotlight(row);
    this.#words.replaceChildren(row < 0 ? this.#rest : (this.#segments[row].label ?? gettext("Segment %(number)s", { number: row + 1 })));
  }
}

class Comparison {
  #photo;
  #opener;
  #before;
  #after;
  #recipes;
  #take;
  #now; // what the present segments are called
  #aborter = new AbortController();
  #dialog;

  constructor(photo, { recipe, recipes }, opener) {
    this.#photo = photo;
    this.#opener = opener;
    const shape = (photo.width / photo.height).toFixed(3);
    this.#before = new Side(photo, shape);
    this.#after = new Side(photo, shape);
    this.#now = recipe ? gettext("Now: %(recipe)s", { recipe }) : gettext("Now");
    this.#recipes = this.#select(recipes);
    const ready = recipes.some((each) => each.is_ready);
    const close = () => this.#dialog.close();
    this.#take = h("button", { class: "button primary", type: "button", disabled: true, click: () => this.#keep() }, icon("check"), gettext("Use the new segments"));
    this.#dialog = h("dialog", { class: "comparison", "aria-labelledby": "comparison-title" },
      h("header", {}, h("h2", { id: "comparison-title" }, gettext("Segment again with another recipe")),
        h("button", { class: "quiet round", type: "button", title: gettext("Close (Esc)"), "aria-label": gettext("Close (Esc)"), click: close }, icon("close"))),
      h("p", { class: "choosing" }, h("label", { for: "comparison-recipe" }, gettext("Recipe")), this.#recipes),
      recipes.some((each) => !each.is_ready) && h("p", { class: "hint" }, gettext("The weights of the others are not on the server. Who operates it can add them.")),
      h("div", { class: "sides" }, this.#before.element, this.#after.element),
      h("p", { class: "hint" }, gettext("Nothing is changed until you use the new segments. Names and judgements then move to the segments that overlap the old ones most.")),
      h("p", { class: "choices" }, h("button", { class: "button", type: "button", click: close }, gettext("Keep the present segments")), this.#take));
    if (!ready) this.#recipes.disabled = true;
    this.#dialog.addEventListener("click", ({ target }) => target === this.#dialog && close());
    this.#dialog.addEventListener("close", () => this.#closed());
  }

  open() {
    document.body.append(this.#dialog);
    this.#dialog.showModal();
    this.#before.show(this.#now, this.#photo.segments);
    this.#after.show(gettext("With another recipe"), null, this.#recipes.disabled
      ? gettext("This installation has no other recipe that its searches can use.")
      : gettext("Choose a recipe to see its segments."));
    const point = (place) => [this.#before, this.#after].forEach((side) => side.point(place));
    const full = $("#stage").dataset.full;
    this.#before.connect(point, { full });
    this.#after.connect(point, { full, hasButtons: false });
    this.#before.zoom.addEventListener("change", () => (this.#after.zoom.view = this.#before.zoom.view));
    this.#after.zoom.addEventListener("change", () => (this.#before.zoom.view = this.#after.zoom.view));
    this.#recipes.focus();
  }

  #select(recipes) {
    const option = ({ name, segments, is_ready: ready }) => h("option", { value: name, disabled: !ready }, `${name} – ${segments}`);
    return h("select", { id: "comparison-recipe", change: () => this.#preview() },
      h("option", { value: "", selected: true, disabled: true }, gettext("Choose a recipe")), recipes.map(option));
  }

  async #preview() {
    const recipe = this.#recipes.value;
    this.#aborter.abort();
    const { signal } = (this.#aborter = new AbortController());
    this.#take.disabled = true;
    const title = gettext("With %(recipe)s", { recipe });
    const waiting = (words) => this.#after.show(title, null, h("span", { role: "status", class: "waiting" }, h("progress", { "aria-label": words }), words));
    waiting(gettext("Segmenting with %(recipe)s. The recipe is loaded for this photo, which may take a minute…", { recipe }));
    try {
      const found = await patiently(() => previewSegmentation(this.#photo.id, recipe, signal), ({ message }) => signal.aborted || waiting(message), { rounds: 10, signal });
      if (signal.aborted) return;
      this.#after.show(title, found.segments, found.segments.length ? "" : gettext("It finds no segments in this photo."));
      this.#take.disabled = false;
    } catch (problem) {
      if (signal.aborted) return;
      this.#after.show(title, null, h("span", { role: "alert", class: "notice bad" }, icon("warning"), h("span", {}, problem.message, " ",
        h("button", { class: "quiet", type: "button", click: () => this.#preview() }, gettext("Try again")))));
    }
  }

  async #keep() {
    this.#take.disabled = true;
    try {
      await takeSegmentation(this.#photo.id, this.#recipes.value);
      history.replaceState(null, "", location.pathname + location.search); // without a segment that is gone
      location.reload();
    } catch (problem) {
      toast(gettext("The segments could not be replaced: %(why)s", { why: problem.message }), { wait: 10000 });
      this.#dialog.close();
    }
  }

  #closed() {
    this.#aborter.abort();
    this.#dialog.remove();
    this.#opener.focus();
  }
}
