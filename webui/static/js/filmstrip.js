/** The photos around the one that is shown: of the results or the library that one came from. */

import { getAround } from "./api.js";
import { base } from "./base.js";
import { $, h, icon } from "./dom.js";
import { gettext } from "./i18n.js";
import { goBack, origin } from "./origin.js";

const SHOWN = 30; // photos on each side

const idOf = (link) => Number(link.match(/\/photos\/(\d+)/)?.[1]);
const isOf = (link, id) => link.split(/[?#]/)[0] === `${base}/photos/${id}`;

/** Show them, and have the arrows and J and K go through them. */
export async function showFilmstrip(id) {
  const { title, address, links, photos = new Map() } = (await found(id)) ?? (await inLibrary(id, {}));
  const at = links.findIndex((link) => isOf(link, id));
  steps({ k: [gettext("Previous photo"), "left", links[at - 1]], j: [gettext("Next photo"), "right", links[at + 1]] });
  const from = Math.max(0, at - SHOWN);
  const list = h("ul", {}, links.slice(from, at + SHOWN + 1).map((link, place) => thumbnail(link, photos.get(link), from + place === at)));
  const strip = $("#filmstrip");
  strip.replaceChildren(h("a", { class: "quiet", href: address, click: goBack }, icon("left"), h("span", {}, title)), list);
  const current = $("[aria-current]", list);
  list.scrollLeft = current.offsetLeft - (list.clientWidth - current.clientWidth) / 2;
}

/** What one came from, if the photo is in it. */
async function found(id) {
  const from = origin();
  if (from?.links) return from.links.some((link) => isOf(link, id)) ? from : null;
  return from?.view ? inLibrary(id, from.view, from) : null;
}

/** The photos around it in a view of the library; null if it is not in that view. */
async function inLibrary(id, view, { title, address } = { title: gettext("Library"), address: `${base}/` }) {
  const { before, after, listed } = await getAround(id, { ...view, count: SHOWN });
  if (!listed && Object.keys(view).length) return null;
  const shown = { id, state: $("#photo").dataset.state, name: $("h1").textContent };
  const photos = new Map([...before, shown, ...after].map((photo) => [`${base}/photos/${photo.id}`, photo]));
  return { title, address, links: [...photos.keys()], photos };
}

/** What has no picture yet, or never will, has a sign. Results always have one. */
function thumbnail(link, { state, name } = { state: "indexed", name: gettext("Photo %(id)s", { id: idOf(link) }) }, isCurrent) {
  const source = `${link.split("/photos/")[0]}/api/v1/images/${idOf(link)}/thumbnail`;
  const inside = ["indexed", "empty"].includes(state)
    ? h("img", { src: source, alt: name, decoding: "async" })
    : icon(state === "failed" ? "warning" : "clock");
  return h("li", {}, h("a", { href: link, title: name, "aria-label": name, "aria-current": isCurrent && "page" }, inside));
}

function steps(ways) {
  const link = ([key, [words, sign, href]]) => {
    const named = { "aria-label": words, title: `${words} (${key.toUpperCase()})` };
    return href && h("a", { class: "quiet round", "data-key": key, href, ...named }, icon(sign));
  };
  $("#steps").replaceChildren(...Object.entries(ways).map(link).filter(Boolean));
}
