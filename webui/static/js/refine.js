/** What a search is made of, as chips that can be taken away, and a field for words beside examples. */

import { base } from "./base.js";
import { cropOf } from "./crop.js";
import { h, icon } from "./dom.js";
import { gettext } from "./i18n.js";
import { isWhole } from "./refs.js";
import { Mask } from "./rle.js";

/** Show them; `used` is what the server made of each example, as far as it has answered. */
export function showRefine(root, asked, { used, photo, onRemove, onWords, onClear }) {
  const examples = [...asked.positive.map((ref) => [ref, "like"]), ...asked.negative.map((ref) => [ref, "not"])];
  root.hidden = examples.length === 0;
  if (root.hidden) return root.replaceChildren();
  const chips = examples.map(([ref, side], row) => chip(ref, side, used?.[row], photo, onRemove));
  const text = [asked.text, asked.must].filter(Boolean).join(", ");
  if (text) chips.push(textChip(text, () => onWords("")));
  const several = chips.length > 1 && h("button", { class: "quiet", type: "button", click: onClear }, gettext("Clear all"));
  const words = !text && !asked.positive.some(isWhole) && wordsForm(onWords);
  root.replaceChildren(
    h("div", { class: "head" }, h("h2", {}, gettext("Searching for")), several),
    h("div", { class: "chips" }, chips));
  if (words) root.append(words);
}

function chip(ref, side, used, photo, onRemove) {
  const name = nameOf(ref, used?.segment);
  return h("span", { class: `example ${side}` },
    h("span", { class: "crop" }, pictureOf(ref, used, photo)),
    h("span", {}, h("span", { class: "sign" }, side === "not" ? gettext("not like") : gettext("like")), name),
    removal(side === "not" ? gettext("Remove not like %(name)s", { name }) : gettext("Remove like %(name)s", { name }), () => onRemove(ref)));
}

function textChip(text, onRemove) {
  return h("span", { class: "example words" },
    h("span", {}, h("span", { class: "sign" }, gettext("words")), text),
    removal(gettext("Remove the words “%(text)s”", { text }), onRemove));
}

const removal = (name, click) =>
  h("button", { class: "quiet round", type: "button", "aria-label": name, click }, icon("close"));

function nameOf(ref, segment) {
  if (isWhole(ref)) return gettext("whole photo");
  if (segment?.label) return segment.label;
  return MARKS.find(([key]) => ref[key])?.[1] ?? gettext("segment");
}

const MARKS = [
  ["region", gettext("the region")], ["box", gettext("the box")], ["polygon", gettext("the lasso")],
  ["points", gettext("the points")], ["point", gettext("the point")],
];

/** A cut-out of what the example came to. */
function pictureOf(ref, used, photo) {
  const segment = used?.segment;
  const isShown = photo?.url.includes(ref.query === undefined ? `/images/${ref.image}/` : `/queries/${ref.query}/`);
  if (used?.mask && isShown) return cropOf(photo, used.box_xyxy, new Mask(used.mask));
  if (ref.query !== undefined) {
    if (!isShown) return icon("photo");
    return cropOf(photo, segment?.box_xyxy ?? ref.box ?? [0, 0, photo.width, photo.height]);
  }
  if (isWhole(ref)) return h("img", { src: `${base}/api/v1/images/${ref.image}/thumbnail`, alt: "" });
  const id = ref.segment ?? segment?.id;
  return id === undefined ? icon("box") : h("img", { src: `${base}/api/v1/segments/${id}/crop`, alt: "" });
}

function wordsForm(onWords) {
  const named = { placeholder: gettext("Add words…"), "aria-label": gettext("Words to add to the query") };
  const field = h("input", { type: "text", maxlength: "500", ...named });
  const send = (event) => {
    event.preventDefault();
    if (field.value.trim()) onWords(field.value.trim());
  };
  return h("form", { class: "addwords", submit: send }, field, h("button", { class: "button", type: "submit" }, gettext("Add")));
}
