/** The words of a search as chips: each can be switched between with, without and like, or taken away. */

import { $, $$, h, icon } from "./dom.js";
import { gettext } from "./i18n.js";
import { said } from "./relations.js";
import { linksOf, partsOf, withKind, withoutLink, withoutUnknown, withoutUnsupported, written } from "./wording.js";

const OFFERED = 3; // suggestions for an unknown word
const MEANING = {
  with: gettext("the photo shows it"), without: gettext("the photo does not show it"), like: gettext("what is looked for is like it"),
};
const KIND = { with: gettext("with"), without: gettext("without"), like: gettext("like") };

/** Show them; `onChange` hears of the new {text, must}. The focus stays where it was, or goes to a neighbour. */
export function showWordChips(root, asked, words, onChange) {
  if (!words) return hide(root);
  const beside = asked.positive.length > 0;
  const kinds = ["with", "without"];
  if (beside && asked.group === "segment") kinds.shift();
  if (beside && !asked.all) kinds.unshift("like");
  draw(root, partsOf(words, { must: asked.must, beside: beside && !asked.all }), kinds, onChange);
}

function hide(root) {
  root.hidden = true;
  root.replaceChildren();
}

function draw(root, parts, kinds, onChange) {
  const change = (next) => {
    draw(root, next, kinds, onChange);
    onChange(written(next));
  };
  const focused = root.contains(document.activeElement) ? document.activeElement : null;
  const [key, place] = [focused?.dataset.key, $$("button", root).indexOf(focused)];
  const chips = chipsOf(parts, kinds, change);
  root.hidden = chips.length === 0;
  root.replaceChildren(...chips);
  if (focused) ($(`[data-key="${CSS.escape(key)}"]`, root) ?? $$("button", root).slice(0, place + 1).at(-1) ?? $("#words")).focus();
}

function chipsOf(parts, kinds, change) {
  const { terms, unknown, unsupported } = parts;
  const links = linksOf(parts);
  const before = (place) => links.filter(({ subject, object }) => object === place && subject === place - 1);
  const apart = links.filter(({ subject, object }) => object !== subject + 1);
  return [
    ...terms.flatMap((term, place) => [
      ...before(place).map((link) => linkChip(link, terms, () => change(withoutLink(parts, link)))),
      term.kind && termChip(term, kinds, place, (kind) => change(withKind(parts, place, kind))),
    ]).filter(Boolean),
    ...apart.map((link) => linkChip(link, terms, () => change(withoutLink(parts, link)), true)),
    ...unknown.map((each, place) => unknownChip(each, (instead) => change(withoutUnknown(parts, place, instead)))),
    ...unsupported.map((text, place) =>
      chip("ignored", h("span", {}, sign(gettext("ignored")), text), removal(text, () => change(withoutUnsupported(parts, place))))),
  ];
}

const chip = (name, ...inside) => h("span", { class: `word-chip ${name}` }, ...inside);
const sign = (text) => h("span", { class: "sign" }, text);
const removal = (text, click) =>
  h("button", { class: "remove", type: "button", "data-key": `remove ${text}`, "aria-label": gettext("Remove %(name)s", { name: text }), title: gettext("Remove"), click }, icon("close"));

function termChip({ text, kind, substitutes = [] }, kinds, place, onKind) {
  const next = kinds[(kinds.indexOf(kind) + 1) % kinds.length];
  const meaning = MEANING[kind];
  const turn = h("button", {
    class: "turn", type: "button", "data-key": `turn ${text}`, title: gettext("%(meaning)s. Click to switch to “%(next)s”.", { meaning, next: KIND[next] }),
    "aria-label": gettext("%(kind)s %(text)s: switch to %(next)s", { kind: KIND[kind], text, next: KIND[next] }), click: () => onKind(next),
  }, sign(KIND[kind]), text);
  return chip(`${kind}${substitutes.length ? " substituted" : ""}`, turn, removal(text, () => onKind(null)));
}

function linkChip({ subject, object, text, relation }, terms, onRemove, isWhole = false) {
  const all = `${terms[subject].text} ${text} ${terms[object].text}`;
  const title = relation ? gettext("Read as: %(relation)s", { relation: said(relation) }) : gettext("Both are in the photo, wherever");
  return chip("link", h("span", { title }, isWhole ? all : text), removal(all, onRemove));
}

function unknownChip({ text, suggested }, onInstead) {
  const offered = suggested.slice(0, OFFERED).map((word) =>
    h("button", { class: "instead", type: "button", "data-key": `instead ${word}`, "aria-label": gettext("Use %(word)s instead of %(text)s", { word, text }), click: () => onInstead(word) }, word));
  return chip("unknown", h("span", {}, sign(gettext("unknown")), text), offered, removal(text, () => onInstead(null)));
}
