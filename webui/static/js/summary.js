/** The line above the results: how the words were understood, what was found, how to group it and how good it must be. */

import { h, plural } from "./dom.js";
import { aboveLine } from "./line.js";
import { linkButton } from "./link.js";
import { empty, format, isWhole, QUALITIES, said } from "./refs.js";

const SHOWN = 6; // classes of a word that are listed

const wordLink = (word) => h("a", { href: format({ ...empty(), text: word }) }, word);
const listed = (nodes) => nodes.flatMap((node, at) => (at ? [", ", node] : [node]));

/** Show it; `onChange` hears of what was chosen, {group} or {quality}. The control in use keeps the focus. */
export function showSummary(root, asked, answer, onChange) {
  const used = root.contains(document.activeElement) ? document.activeElement.name : "";
  root.hidden = answer.results.length === 0 && !asked.quality && !Object.keys(asked.filters).length;
  root.replaceChildren(
    ...[answer.words && understood(answer.words)].filter(Boolean),
    h("p", { class: "numbers", role: "status" }, numbers(asked, answer)),
    controls(asked, onChange),
  );
  if (used) root.querySelector(`[name="${used}"]`)?.focus();
}

const controls = (asked, onChange) =>
  h("div", { class: "controls" }, ...(asked.positive.some(isWhole) ? [] : [quality(asked, onChange), grouping(asked, onChange)]), linkButton(asked));

/** What the chips of the words do not say: what stands for them, and how they lie to each other; null if there is nothing. */
function understood({ understood: terms, unwanted, links }) {
  const read = links.filter(({ relation }) => relation).map(({ subject, object, text, relation }) =>
    [h("small", {}, `“${text}” read as: ${terms[subject].text} ${said(relation)} ${terms[object].text}`)]);
  const notes = [...[...terms, ...unwanted].map(told).filter(Boolean), ...read];
  return notes.length ? h("p", { class: "understood" }, notes.flatMap((note, at) => (at ? [" · ", ...note] : note))) : null;
}

/** How one word was read: its name and classes, the user's concept, or the known words that stand for it; null if just as it is. */
function told({ text, name, labels: all, concept, substitutes }) {
  const word = h("strong", {}, text);
  if (concept !== undefined) return [word, h("small", {}, ` → your concept ${name}`)];
  if (substitutes.length) {
    const nearest = listed(substitutes.map((each) => wordLink(each.name)));
    return [word, h("small", {}, ` → no word for ${text}; nearest known: `, nearest)];
  }
  const labels = all.filter((label) => label !== text && label !== name);
  const more = labels.length > SHOWN ? ` and ${labels.length - SHOWN} more` : "";
  const arrow = labels.length ? h("small", {}, ` → ${labels.slice(0, SHOWN).join(", ")}${more}`) : "";
  return arrow || name !== text ? [word, name === text ? "" : ` (${name})`, arrow] : null;
}

function numbers({ group, limit, positive, above }, { results, index, took_ms: took }) {
  const likely = aboveLine(results, above);
  const what = group === "image" ? "photo" : "segment";
  const found = `${likely} likely of ${plural(results.length, what)}${results.length >= limit ? " so far" : ""}`;
  if (positive.some(isWhole)) return `${found} · whole photos compared · ${spent(took)}`;
  const lag = index.lag ? ` · ${plural(index.lag, "segment")} not yet searchable` : "";
  return `${found} · ${plural(index.segments, "segment")} searched${lag} · ${spent(took)}`;
}

const spent = (took) => `${took < 10 ? took.toFixed(1) : Math.round(took)} ms`;

function quality(asked, onChange) {
  const option = (value) =>
    h("option", { value, selected: value === asked.quality }, value ? `≥ ${value.toFixed(2)}` : "any");
  const change = ({ target }) => onChange({ quality: Number(target.value) });
  const title = "How likely a segment is one whole object";
  return h("label", { class: "choice", title }, "Quality ", h("select", { name: "quality", change }, QUALITIES.map(option)));
}

function grouping({ group }, onChange) {
  const button = (value, words) => {
    const state = { name: value, "aria-pressed": String(group === value) };
    return h("button", { type: "button", ...state, click: () => onChange({ group: value }) }, words);
  };
  const buttons = [button("image", "Photos"), button("segment", "Segments")];
  return h("div", { class: "switch", role: "group", "aria-label": "Group results" }, buttons);
}

/** A heading with lines below it, for where results would be. */
export const message = (title, ...lines) => [h("h2", {}, title), ...lines.map((line) => h("p", {}, line))];

/** What is said where the nearest results probably do not show what was asked for. */
export const nothingLikely = ({ understood }) =>
  understood.length > 1 ? "Probably no photo here shows all of this" : `Probably nothing here shows “${understood[0].text}”`;

/** Where no results can be shown, what to do. */
export const nothingAsked = () =>
  message("What are you looking for?", "Click it in the photo, drag a box around it, or use the whole photo.");

export const nothingInside = () =>
  message("No things were found there", "Make the region larger, or search with the region itself or with the whole photo.");

export const expired = () =>
  message("This photo has expired", "Photos used only as queries are kept for a day, and for longer if a link to the search was copied. Choose the photo again.");

export const failed = ({ status, message: why }) => message(status === 404 ? "Not found" : "This search failed", why);

/** What stands in the place of results when there are none. */
export function nothingFound(words, isLibraryEmpty, { quality, filters, relations }) {
  if (isLibraryEmpty) {
    const add = h("a", { href: "/upload" }, "Add photos");
    return message("Nothing to search yet", ["No photos have been segmented yet. ", add, "."]);
  }
  if (words && !words.understood.length && words.unwanted.length && !words.unknown.length) {
    const unwanted = words.unwanted.map((term) => term.text).join(", ");
    return message(`Only “${unwanted}” is excluded.`, "Name what the photos should show, too.");
  }
  if (words && !words.understood.length) {
    const unknown = [...words.unknown, ...words.unsupported].join(", ");
    const instead = words.suggestions.length
      ? ["Did you mean ", ...listed(words.suggestions.map(wordLink)), "?"]
      : ["Try the name of a thing: ", ...listed(["dog", "motorcycle", "pizza"].map(wordLink)), " …"];
    const photo = ["Or ", h("a", { href: "/search" }, "search with a photo"), "."];
    return message(unknown ? `“${unknown}” is not a known word.` : "No known words.", instead, photo);
  }
  if (relations.length) return message("Nothing found", "No photo matches. Remove a relation.");
  if (Object.keys(filters).length) return message("Nothing found", "No photo matches the filters. Remove one.");
  if (quality) return message("Nothing found", "No other photo has a segment of this quality. Choose a lower quality.");
  return message("Nothing found", "There are no other photos to compare with.");
}
