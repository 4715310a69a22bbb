/**
 * The words of a query as they were understood, as parts that can be changed, and the text that says the same again.
 *
 * Parts are {terms, links, unknown, unsupported, beside}. A term {text, kind} is "with" where photos are to show it,
 * "without" where they are not and, `beside` examples, "like" where the thing that is looked for is to be like it, too;
 * null where it was taken away. A link says how two terms lie to each other.
 */

/** The parts of an answer's `words`; `must` are those of a query beside examples that photos are to show, too. */
export function partsOf({ understood, unwanted, links, unknown, suggested, unsupported }, { must, beside }) {
  const shown = new Set(must.split(", "));
  const wanted = ({ text }) => (!beside || shown.has(text) ? "with" : "like");
  return {
    terms: [
      ...understood.map((term) => ({ ...term, kind: wanted(term) })),
      ...unwanted.map((term) => ({ ...term, kind: "without" })),
    ],
    links,
    unknown: unknown.map((text, at) => ({ text, suggested: suggested[at] })),
    unsupported,
    beside,
  };
}

/** What the parts say: {text, must}. */
export function written(parts) {
  const { terms, links, unknown, unsupported, beside } = parts;
  const isMust = ({ kind }) => beside && kind === "with";
  const isInText = (term) => term.kind === "with" || term.kind === "like";
  const linked = linksOf(parts);
  const clauses = terms.flatMap((term, at) => {
    if (!isInText(term) || isMust(term)) return [];
    const own = linked.filter(({ subject }) => subject === at);
    if (own.length) return own.map(({ text, object }) => `${term.text} ${text} ${terms[object].text}`);
    return linked.some(({ object }) => object === at) ? [] : [term.text];
  });
  const without = terms.filter(({ kind }) => kind === "without").map(({ text }) => `not ${text}`);
  const rest = [...unknown.map(({ text }) => text), ...unsupported];
  return { text: [...clauses, ...rest, ...without].join(", "), must: terms.filter(isMust).map(({ text }) => text).join(", ") };
}

/** Links between terms that are both to be shown. */
export const linksOf = ({ terms, links }) =>
  links.filter(({ subject, object }) => [subject, object].every((at) => terms[at].kind === "with"));

const at = (list, place, value) => list.map((each, number) => (number === place ? value : each));
const but = (list, place) => list.filter((_, number) => number !== place);

/** With a term of another kind; null takes it away. */
export const withKind = (parts, place, kind) => ({ ...parts, terms: at(parts.terms, place, { ...parts.terms[place], kind }) });

export const withoutLink = (parts, link) => ({ ...parts, links: parts.links.filter((each) => each !== link) });

/** Without an unknown word or, `instead` of it, with another. */
export function withoutUnknown(parts, place, instead = null) {
  const added = instead ? [{ text: instead, kind: parts.beside ? "like" : "with" }] : [];
  return { ...parts, unknown: but(parts.unknown, place), terms: [...parts.terms, ...added] };
}

export const withoutUnsupported = (parts, place) => ({ ...parts, unsupported: but(parts.unsupported, place) });
