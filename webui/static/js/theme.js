/* Loaded first and not deferred: what was chosen is known before anything is painted, the theme and whether filters are shown. */
(() => {
  let [theme, facets] = [null, null];
  try {
    [theme, facets] = ["theme", "facets"].map((key) => localStorage.getItem(key));
  } catch {
    /* storage is switched off: the system's theme it is, with filters */
  }
  const { dataset } = document.documentElement;
  if (theme === "light" || theme === "dark") dataset.theme = theme;
  if (facets === "closed") dataset.facets = facets;
})();
