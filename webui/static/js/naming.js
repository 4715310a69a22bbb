/** The names of a segment: concepts as coloured tags that can be confirmed or rejected, and a field for another name. */

import { addConcept, changeConcept, deleteConcept, getConcept, getImage, listConcepts } from "./api.js";
import { $, h, icon, looksOnly, toast } from "./dom.js";
import { gettext } from "./i18n.js";
import { offerUndoOf } from "./undo.js";
import { complete } from "./wordbox.js";

const COLORS = 5; // of `part-0` and so on
const FAILURE = gettext("It could not be undone");

const sideOf = ({ positive, negative }, segment) =>
  positive.includes(segment) ? "positive" : negative.includes(segment) ? "negative" : "removed";
const fold = (name) => name.trim().replaceAll(/\s+/g, " ").toLowerCase();

/** Of a photo; `onChange` hears of it when segments have got other names, or the element another size. */
export class Naming {
  #photo;
  #onChange;
  #segment = null;
  #judged = new Map(); // ids of concepts that were judged here, by segment
  #tags = h("ul", { class: "tags", "aria-label": gettext("Names"), hidden: true });
  #form;
  #turn = Promise.resolve();
  element;

  constructor(photo, onChange) {
    this.#photo = photo;
    this.#onChange = onChange;
    this.#form = this.#naming();
    this.element = h("div", { class: "naming" }, this.#tags, !looksOnly && this.#form);
  }

  /** Show the names of a segment. */
  async show(segment) {
    const isOther = this.#segment !== segment;
    this.#segment = segment;
    if (isOther) {
      this.#tags.hidden = this.#form.hidden = true;
      $("input", this.#form).value = "";
    }
    const named = segment.concepts ?? [];
    const judged = this.#judged.get(segment.id) ?? new Set();
    const { concepts } = named.length || judged.size ? await listConcepts() : { concepts: [] };
    const shown = concepts.filter(({ id, name }) => named.includes(name) || judged.has(id));
    const wholes = await Promise.all(shown.map(({ id }) => getConcept(id)));
    if (this.#segment !== segment) return;
    const focused = document.activeElement?.closest(".tags button")?.getAttribute("aria-label");
    this.#tags.replaceChildren(...wholes.map((concept) => this.#tag(concept)));
    this.#tags.hidden = !wholes.length;
    if (focused) $(`[aria-label="${CSS.escape(focused)}"]`, this.#tags)?.focus();
    this.#onChange();
  }

  /** Open the field for a name. */
  ask() {
    this.#form.hidden = false;
    this.#onChange();
    $("input", this.#form).focus();
  }

  get isAsking() {
    return !this.#form.hidden;
  }

  close() {
    this.#form.hidden = true;
    this.#onChange();
  }

  #tag(concept) {
    const side = sideOf(concept, this.#segment.id);
    const vote = (wanted, sign, words) =>
      h("button", { type: "button", "data-stop": true, "aria-pressed": String(side === wanted), title: words, "aria-label": `${words}: ${concept.name}`,
        click: () => this.#attempt(() => this.#judge(concept, side === wanted ? "removed" : wanted)) }, icon(sign));
    return h("li", { class: `tag part-${concept.id % COLORS} ${side}` }, h("span", {}, concept.name),
      !looksOnly && [vote("positive", "check", gettext("Right")), vote("negative", "close", gettext("Wrong"))]);
  }

  #naming() {
    const list = h("ul", { id: "name-list", class: "suggestions", role: "listbox", "aria-label": gettext("Known names"), hidden: true });
    const input = h("input", { type: "text", maxlength: "100", required: true, placeholder: gettext("Name"), "aria-label": gettext("Name of the segment"), role: "combobox",
      "aria-expanded": "false", "aria-controls": "name-list", "aria-autocomplete": "list", autocomplete: "off", spellcheck: "false" });
    const send = (event) => {
      event.preventDefault();
      if (input.value.trim()) this.#attempt(() => this.#name(input.value.trim().replaceAll(/\s+/g, " ")));
    };
    const form = h("form", { class: "addwords", hidden: true, submit: send }, input, list, h("button", { class: "button", type: "submit" }, gettext("Save")));
    complete(input, list, { whole: true });
    return form;
  }

  /** Do things one after another, in the order in which they were asked for. */
  #inTurn(doing) {
    const turn = this.#turn.then(doing);
    this.#turn = turn.catch(() => {});
    return turn;
  }

  #attempt(doing) {
    return this.#inTurn(doing).catch((problem) => toast(problem.message, { wait: 10000 }));
  }

  /** The segment is an example of the concept of that name, which is made if there is none. */
  async #name(name) {
    const segment = this.#segment;
    const { concepts } = await listConcepts();
    const known = concepts.find((each) => fold(each.name) === fold(name));
    if (known) {
      await this.#judge(known, "positive");
    } else {
      const made = await addConcept(name, [segment.id]);
      this.#note(segment, made.id);
      offerUndoOf(gettext("“%(name)s” is a new concept, with this segment as its example.", { name: made.name }), () => this.#inTurn(async () => {
        await deleteConcept(made.id);
        await this.#refresh(segment);
      }), FAILURE);
    }
    $("input", this.#form).value = "";
    this.close();
    await this.#refresh(segment);
  }

  async #judge({ id, name }, side) {
    const segment = this.#segment;
    const change = async (to) => {
      await changeConcept(id, { [to]: [segment.id] });
      this.#note(segment, id);
      await this.#refresh(segment);
    };
    const before = sideOf(await getConcept(id), segment.id);
    if (side === before) {
      toast(gettext("“%(name)s” was judged like this already.", { name }));
      return this.#refresh(segment);
    }
    await change(side);
    const told = {
      positive: gettext("This is an example of “%(name)s”.", { name }),
      negative: gettext("This is no “%(name)s”.", { name }),
      removed: gettext("Taken back: “%(name)s”.", { name }),
    }[side];
    offerUndoOf(told, () => this.#inTurn(() => change(before)), FAILURE);
  }

  #note({ id }, concept) {
    this.#judged.set(id, (this.#judged.get(id) ?? new Set()).add(concept));
  }

  /** The names of all segments as they are now: what is learned from one example may name others. */
  async #refresh(segment) {
    const { segments } = await getImage(this.#photo.id);
    const names = new Map(segments.map(({ id, concepts }) => [id, concepts]));
    for (const each of this.#photo.segments) each.concepts = names.get(each.id);
    this.#onChange({ renamed: true });
    if (this.#segment === segment) await this.show(segment);
  }
}

/** Show in a list what the segments are called: by concepts, in their colours, and by the recipe. */
export async function showNames(photo, list) {
  const isNamed = photo.segments.some(({ concepts }) => concepts?.length) || $(".tag", list);
  const { concepts } = isNamed ? await listConcepts() : { concepts: [] };
  const colors = new Map(concepts.map(({ id, name }) => [name, id % COLORS]));
  photo.segments.forEach(({ id, label, concepts: names = [] }, row) => {
    const place = $(`[data-segment="${id}"] strong`, list);
    const tags = names.map((name) => h("span", { class: `tag part-${colors.get(name)}` }, name));
    const own = label ?? (tags.length ? "" : gettext("Segment %(number)s", { number: row + 1 }));
    if (tags.length || $(".tag", place)) place.replaceChildren(...tags, own);
  });
}
