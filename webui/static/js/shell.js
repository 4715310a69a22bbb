/** What every page has: the theme switch, the shortcuts and their help, the word box, arrow keys in grids. */

import { base } from "./base.js";
import { $, $$, iconAddress } from "./dom.js";
import { takeDrops, toLibrary } from "./dropping.js";
import { walkGrids } from "./gridnav.js";
import "./menus.js";
import { complete } from "./wordbox.js";

const dark = matchMedia("(prefers-color-scheme: dark)");
const theme = () => document.documentElement.dataset.theme ?? (dark.matches ? "dark" : "light");

function showTheme() {
  const button = $("#theme");
  button.setAttribute("aria-pressed", String(theme() === "dark"));
  $("use", button).setAttribute("href", iconAddress(theme() === "dark" ? "sun" : "moon"));
}

function switchTheme() {
  const chosen = theme() === "dark" ? "light" : "dark";
  document.documentElement.dataset.theme = chosen;
  try {
    localStorage.setItem("theme", chosen);
  } catch {
    /* it lasts until the page is left */
  }
  showTheme();
}

export const isTyping = (target) => target.closest?.("input, textarea, select, [contenteditable]") !== null;

const closeByBackdrop = (dialog) => dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());

function showHelp() {
  const dialog = $("#help-template").content.firstElementChild.cloneNode(true);
  closeByBackdrop(dialog);
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}

function shortcut(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target) || $("dialog[open]")) return;
  const link = $(`[data-key="${CSS.escape(event.key.toLowerCase())}"]`);
  if (event.key === "/" && $("#words")) {
    $("#words").focus();
    $("#words").select();
  } else if (event.key === "?") showHelp();
  else if (link) link.click();
  else return;
  event.preventDefault();
}

for (const link of $$(".skip")) {
  link.addEventListener("click", (event) => {
    event.preventDefault(); // the address stays as it is
    $(link.hash).focus();
  });
}
$("#language").addEventListener("submit", ({ target }) => {
  target.elements.next.value = location.pathname + location.search; // scripts may have changed the address
});
$("#theme").addEventListener("click", switchTheme);
dark.addEventListener("change", showTheme);
showTheme();

document.addEventListener("keydown", shortcut);
$("#help-button").addEventListener("click", showHelp);
$$("dialog").forEach(closeByBackdrop);
$(".who")?.addEventListener("submit", () => sessionStorage.clear()); // what one searched for is nobody else's business
if ($("#words")) complete($("#words"), $("#words-list"));
walkGrids();
if (sessionStorage.getItem(`just-deleted${base}`)) import("./undo.js").then(({ offerKept }) => offerKept());
if (sessionStorage.getItem(`exports-followed${base}`)) import("./exports.js").then(({ followOn }) => followOn());
for (const button of $$(".show-exports")) button.addEventListener("click", () => import("./exports.js").then(({ showExports }) => showExports()));

if ("mostMb" in document.body.dataset && !$("#search, #drop")) takeDrops([toLibrary()]);

// A thumbnail that cannot be had says so instead of showing the browser's broken-picture sign.
const markBroken = (image) => image.classList.add("broken");
document.addEventListener("error", (event) => event.target.matches?.("img") && markBroken(event.target), true);
$$("img:not([loading])").filter((image) => image.complete && !image.naturalWidth).forEach(markBroken);
