/* Loaded first and not deferred: the chosen theme is set before anything is painted. */
(() => {
  let theme = null;
  try {
    theme = localStorage.getItem("theme");
  } catch {
    /* storage is switched off: the system's theme it is */
  }
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
})();
