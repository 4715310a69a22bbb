/** The line above the results: how the words were understood, what was found, how to group it and how good it must be. */

import { copiesSwitch } from "./alike.js";
import { base } from "./base.js";
import { h } from "./dom.js";
import { canSearchAll, notSearched, whereSwitch } from "./everywhere.js";
import { gettext, language, ngettext, number, woven } from "./i18n.js";
import { aboveLine } from "./line.js";
import { linkButton } from "./link.js";
import { empty, format, isOnePhoto, isThings, isWhole, QUALITIES } from "./refs.js";
import { related } from "./relations.js";

const SHOWN = 6; // classes of a word that are listed

const wordLink = (word) => h("a", { href: format({ ...empty(), text: word }) }, word);
const listed = (nodes) => nodes.flatMap((node, at) => (at ? [", ", node] : [node]));

/** Show it; `onChange` hears of what was chosen, {group}, {quality} or {by}. The control in use keeps the focus. */
export function showSummary(root, asked, answer, onChange) {
  const used = root.contains(document.activeElement) ? document.activeElement.name : "";
  root.hidden = answer.results.length === 0 && !asked.quality && !Object.keys(asked.filters).length && !canSearchAll(asked);
  root.replaceChildren(
    ...[answer.words && understood(answer.words)].filter(Boolean),
    h("p", { class: "numbers", role: "status" }, numbers(asked, answer), notSearched(answer)),
    controls(asked, answer, onChange),
  );
  if (used) root.querySelector(`[name="${used}"]`)?.focus();
}

const controls = (asked, { results }, onChange) =>
  h("div", { class: "controls" }, canSearchAll(asked) && whereSwitch(asked, onChange), copiesSwitch(asked, results, onChange), ...choices(asked, onChange), linkButton(asked));

function choices(asked, onChange) {
  if (isOnePhoto(asked)) return [comparing(asked, onChange)];
  if (asked.positive.some(isWhole)) return [];
  return [isThings(asked) && asked.feedback === null && matching(asked, onChange), quality(asked, onChange), grouping(asked, onChange)];
}

/** What the chips of the words do not say: what stands for them, and how they lie to each other; null if there is nothing. */
function understood({ understood: terms, unwanted, links }) {
  const read = links.filter(({ relation }) => relation).map(({ subject, object, text, relation }) =>
    [h("small", {}, gettext("“%(text)s” read as: %(meaning)s", { text, meaning: related(relation, terms[subject].text, terms[object].text) }))]);
  const notes = [...[...terms, ...unwanted].map(told).filter(Boolean), ...read];
  return notes.length ? h("p", { class: "understood" }, notes.flatMap((note, at) => (at ? [" · ", ...note] : note))) : null;
}

/** How one word was read: its name and classes, the user's concept, or the known words that stand for it; null if just as it is. */
function told({ text, name, labels: all, concept, substitutes }) {
  const word = h("strong", {}, text);
  if (concept !== undefined) return [word, h("small", {}, ` → ${gettext("your concept %(name)s", { name })}`)];
  if (substitutes.length) {
    const nearest = listed(substitutes.map((each) => wordLink(each.name)));
    return [word, h("small", {}, " → ", woven(gettext("no word for %(text)s; nearest known: %(words)s"), { text, words: nearest }))];
  }
  const labels = all.filter((label) => label !== text && label !== name);
  const first = labels.slice(0, SHOWN).join(", ");
  const more = labels.length - SHOWN;
  const arrow = labels.length ? h("small", {}, ` → ${more > 0 ? gettext("%(words)s and %(num)s more", { words: first, num: more }) : first}`) : "";
  return arrow || name !== text ? [word, name === text ? "" : ` (${name})`, arrow] : null;
}

function numbers({ group, limit, positive, above, by }, { results, index, parts, compared, took_ms: took }) {
  const likely = aboveLine(results, above);
  const found = group === "image"
    ? ngettext("%(likely)s likely of %(num)s photo", "%(likely)s likely of %(num)s photos", results.length, { likely })
    : ngettext("%(likely)s likely of %(num)s segment", "%(likely)s likely of %(num)s segments", results.length, { likely });
  return [
    results.length >= limit ? gettext("%(found)s so far", { found }) : found,
    ...(positive.some(isWhole) ? [comparedBy(compared, by, parts)] : [
      ngettext("%(num)s segment searched", "%(num)s segments searched", index.segments),
      index.lag && ngettext("%(num)s segment not yet searchable", "%(num)s segments not yet searchable", index.lag),
    ]),
    gettext("%(num)s ms", { num: number(took, took < 10 ? 1 : 0) }),
  ].filter(Boolean).join(" · ");
}

function comparedBy(compared, by, parts) {
  if (compared === "things") return ngettext("compared by %(num)s thing", "compared by %(num)s things", parts.length);
  return by === "things" ? gettext("no thing was found in it: whole photos compared") : gettext("whole photos compared");
}

/** How photos are compared with a whole photo. */
function comparing({ by }, onChange) {
  const button = (value, words) => {
    const state = { name: `by-${value}`, "aria-pressed": String(by === value) };
    return h("button", { type: "button", ...state, click: () => onChange({ by: value }) }, words);
  };
  const buttons = [button("whole", gettext("As a whole")), button("things", gettext("By the things in it"))];
  return h("div", { class: "switch", role: "group", "aria-label": gettext("Photos like this one") }, buttons);
}

/** Whether things of the kind of the examples are looked for, or those very objects. */
function matching({ match }, onChange) {
  const button = (value, words, title) => {
    const state = { name: `match-${value}`, "aria-pressed": String(match === value), title };
    return h("button", { type: "button", ...state, click: () => onChange({ match: value }) }, words);
  };
  const same = gettext("The first 100 photos are compared by colours and details, which takes a second or two");
  const buttons = [button("kind", gettext("Its kind"), gettext("Things that look like it")), button("same", gettext("This very object"), same)];
  return h("div", { class: "switch", role: "group", "aria-label": gettext("What to find") }, buttons);
}

function quality(asked, onChange) {
  const option = (value) =>
    h("option", { value, selected: value === asked.quality }, value ? `≥ ${number(value, 2)}` : gettext("any"));
  const change = ({ target }) => onChange({ quality: Number(target.value) });
  const title = gettext("How likely a segment is one whole object");
  return h("label", { class: "choice", title }, `${gettext("Quality")} `, h("select", { name: "quality", change }, QUALITIES.map(option)));
}

function grouping({ group }, onChange) {
  const button = (value, words) => {
    const state = { name: value, "aria-pressed": String(group === value) };
    return h("button", { type: "button", ...state, click: () => onChange({ group: value }) }, words);
  };
  const buttons = [button("image", gettext("Photos")), button("segment", gettext("Segments"))];
  return h("div", { class: "switch", role: "group", "aria-label": gettext("Group results") }, buttons);
}

/** A heading with lines below it, for where results would be. */
export const message = (title, ...lines) => [h("h2", {}, title), ...lines.map((line) => h("p", {}, line))];

/** What is said where the nearest results probably do not show what was asked for. */
export const nothingLikely = (words) =>
  !words ? gettext("Probably no photo here shows this very object") : words.understood.length > 1 ? gettext("Probably no photo here shows all of this") : gettext("Probably nothing here shows “%(text)s”", { text: words.understood[0].text });

/** Where no results can be shown, what to do. */
export const nothingAsked = () =>
  message(gettext("What are you looking for?"), gettext("Click it in the photo, drag a box around it, or use the whole photo."));

export const nothingInside = () =>
  message(gettext("No things were found there"), gettext("Make the region larger, or search with the region itself or with the whole photo."));

export const expired = () =>
  message(gettext("This photo has expired"), gettext("Photos used only as queries are kept for a day, and for longer if a link to the search was copied. Choose the photo again."));

export const failed = ({ status, message: why }) => message(status === 404 ? gettext("Not found") : gettext("This search failed"), why);

/** Which language searches understand, where it is not that of the page. */
const understands = () => (language === "en" ? [] : [gettext("Searches understand English words and the names of your concepts.")]);

/** What stands in the place of results when there are none. */
export function nothingFound(words, isLibraryEmpty, { quality, filters, relations }) {
  if (isLibraryEmpty) {
    const add = h("a", { href: `${base}/upload` }, gettext("Add photos"));
    return message(gettext("Nothing to search yet"), [gettext("No photos have been segmented yet."), " ", add]);
  }
  if (words && !words.understood.length && words.unwanted.length && !words.unknown.length) {
    const unwanted = words.unwanted.map((term) => term.text).join(", ");
    return message(gettext("Only “%(words)s” is excluded.", { words: unwanted }), gettext("Name what the photos should show, too."));
  }
  if (words && !words.understood.length) {
    const unknown = [...words.unknown, ...words.unsupported].join(", ");
    const instead = words.suggestions.length
      ? woven(gettext("Did you mean %(words)s?"), { words: listed(words.suggestions.map(wordLink)) })
      : woven(gettext("Try the name of a thing: %(words)s …"), { words: listed(["dog", "motorcycle", "pizza"].map(wordLink)) });
    const photo = h("a", { href: `${base}/search` }, gettext("Or search with a photo"));
    return message(unknown ? gettext("“%(words)s” is not a known word.", { words: unknown }) : gettext("No known words."), ...understands(), instead, photo);
  }
  if (relations.length) return message(gettext("Nothing found"), gettext("No photo matches. Remove a relation."));
  if (Object.keys(filters).length) return message(gettext("Nothing found"), gettext("No photo matches the filters. Remove one."));
  if (quality) return message(gettext("Nothing found"), gettext("No other photo has a segment of this quality. Choose a lower quality."));
  return message(gettext("Nothing found"), gettext("There are no other photos to compare with."));
}
