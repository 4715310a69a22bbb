/** Making elements. Attributes that are functions are listeners; null, undefined and false leave one out. */

import { gettext } from "./i18n.js";

const SVG = "http://www.w3.org/2000/svg";

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name, value);
    else if (value !== null && value !== undefined && value !== false) {
      element.setAttribute(name, value === true ? "" : value);
    }
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

export const h = (name, attributes = {}, ...children) => fill(document.createElement(name), attributes, children);

export const s = (name, attributes = {}, ...children) =>
  fill(document.createElementNS(SVG, name), attributes, children);

export const iconAddress = (name) => `${document.body.dataset.sprite}#${name}`;

/** An icon of the sprite; decoration, so it has no name of its own. */
export const icon = (name) =>
  s("svg", { class: "icon", "aria-hidden": "true" }, s("use", { href: iconAddress(name) }));

export const $ = (selector, root = document) => root.querySelector(selector);
export const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];

/** Whether this visitor may change nothing; the server sees to it, this only leaves out what would be refused. */
export const looksOnly = "looksOnly" in document.body.dataset;

const waiting = new WeakMap();
const near = new IntersectionObserver((entries) => {
  for (const { isIntersecting, target } of entries) {
    if (!isIntersecting) continue;
    near.unobserve(target);
    waiting.get(target)(target);
  }
}, { rootMargin: "400px" });

/** Do something with an element once it comes into sight. */
export function whenSeen(element, act) {
  waiting.set(element, act);
  near.observe(element);
}

/** Let screen readers say something. */
export function announce(text) {
  const live = $("#live");
  if (live) live.textContent = text;
}

/** A line at the foot of the window that goes away by itself, unless someone points at it; it may offer an `action`. */
export function toast(text, { wait = 5000, action = null } = {}) {
  const line = h("p", { class: "toast" }, text);
  const remove = () => line.remove();
  if (action) {
    const act = () => {
      remove();
      action.act();
    };
    line.append(" ", h("button", { type: "button", click: act }, action.label));
  }
  $("#toasts").append(line);
  const end = () => (line.matches(":hover, :focus-within") ? setTimeout(end, 1000) : remove());
  if (wait) setTimeout(end, wait);
  return remove;
}

/** Show a dialog until it is closed; resolves to the value of the button that closed it, or to "". */
export function answerTo(dialog) {
  dialog.addEventListener("click", ({ target }) => target === dialog && dialog.close());
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue);
    });
  });
}

/** Ask before something that cannot be undone; resolves to whether it was agreed to. */
export async function confirmed({ title, text, label }) {
  const button = (value, attributes, words) => h("button", { class: "button", value, ...attributes }, words);
  const dialog = h("dialog", { class: "confirm", "aria-labelledby": "confirmed-title" },
    h("form", { method: "dialog" },
      h("h2", { id: "confirmed-title" }, title),
      h("p", {}, text),
      h("p", { class: "choices" }, button("", { autofocus: true }, gettext("Cancel")), " ", button("yes", { class: "button danger" }, label))));
  return (await answerTo(dialog)) === "yes";
}

/** How likely a segment is one whole object, in three steps; the page of a photo has the same (`_macros.html`). */
export const qualityOf = (quality) =>
  quality >= 0.4 ? gettext("good quality") : quality >= 0.1 ? gettext("fair quality") : gettext("poor quality");

/** Keep in `parent` just these elements, in this order; those that are there already are not moved. */
export function keepOnly(parent, wanted) {
  const kept = new Set(wanted);
  for (const child of [...parent.children]) {
    if (kept.has(child)) continue;
    for (const image of $$("img", child)) if (!image.complete) image.removeAttribute("src"); // nobody waits for it
    child.remove();
  }
  let next = parent.firstElementChild;
  for (const element of wanted) {
    if (element === next) next = next.nextElementSibling;
    else parent.insertBefore(element, next);
  }
}
