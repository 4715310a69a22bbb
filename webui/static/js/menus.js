/** Menus close on a click elsewhere, on Escape, and when the focus leaves them. */

import { $, $$ } from "./dom.js";

document.addEventListener("click", ({ target }) => {
  for (const menu of $$(".menu[open]")) if (!menu.contains(target)) menu.open = false;
});
document.addEventListener("keydown", ({ key }) => {
  const menu = key === "Escape" && $(".menu[open]");
  if (!menu) return;
  menu.open = false;
  $("summary", menu).focus();
});
document.addEventListener("focusin", ({ target }) => {
  for (const menu of $$(".menu[open]")) if (!menu.contains(target)) menu.open = false;
});
