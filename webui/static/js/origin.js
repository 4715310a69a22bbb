/**
 * Where one came from to a photo: the results of a search, or the library in an order. It is kept in this tab, with the
 * place on that page, so that one can come back to it.
 */

import { gettext } from "./i18n.js";
import { isAsked, parse } from "./refs.js";

const KEY = "origin";
const BACK = "back";

const here = () => location.pathname + location.search;

/** Note it when a photo is opened: {title, place} and either the `links` to the photos or a `view` of the library. */
export const noteOrigin = (origin) => sessionStorage.setItem(KEY, JSON.stringify({ address: here(), ...origin }));

/** Note the results in a list, each photo once, when a link in one is followed. */
export function noteResults(list, followed) {
  const asked = parse(location.search);
  const links = new Map();
  for (const link of list.querySelectorAll("a.shot")) {
    const href = link.getAttribute("href");
    if (!links.has(link.pathname)) links.set(link.pathname, href);
  }
  const title = asked.text ? gettext("Results for “%(text)s”", { text: asked.text }) : isAsked(asked) ? gettext("Results") : gettext("Search");
  const place = { href: followed.getAttribute("href"), top: followed.getBoundingClientRect().top };
  noteOrigin({ title, links: [...links.values()], place });
}

/** If one comes back to results, have the one that was followed where it was. */
export function takeUpResults(list) {
  const place = placeToReturnTo();
  const link = place && list.querySelector(`a[href="${CSS.escape(place.href)}"]`);
  if (!link) return;
  requestAnimationFrame(() => {
    scrollBy({ top: link.getBoundingClientRect().top - place.top, behavior: "instant" });
    link.focus({ preventScroll: true });
  });
}

export const origin = () => JSON.parse(sessionStorage.getItem(KEY));

/** The next page is to be where one was. */
export const goBack = () => sessionStorage.setItem(BACK, "1");

/** The place where one was on this page, if one comes back to it. */
export function placeToReturnTo() {
  const isBack = sessionStorage.getItem(BACK) !== null;
  sessionStorage.removeItem(BACK);
  const from = origin();
  return isBack && from?.address === here() ? from.place : null;
}
