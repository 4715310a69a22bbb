/** The description of the API, drawn by Swagger UI. */

/* global SwaggerUIBundle */
import { $ } from "./dom.js";
import { gettext } from "./i18n.js";

const root = document.documentElement;
const system = matchMedia("(prefers-color-scheme: dark)");
const showTheme = () => root.classList.toggle("dark-mode", (root.dataset.theme ?? (system.matches ? "dark" : "light")) === "dark");

new MutationObserver(showTheme).observe(root, { attributeFilter: ["data-theme"] });
system.addEventListener("change", showTheme);
showTheme();

if (window.SwaggerUIBundle) {
  SwaggerUIBundle({
    url: "/api/v1/openapi.json",
    domNode: $("#api"),
    deepLinking: true,
    docExpansion: "none",
    defaultModelsExpandDepth: 0,
    filter: true,
    validatorUrl: null, // which would send the description elsewhere
    onComplete: () => $("#api .info .title").setAttribute("aria-level", "2"), // between that of the page and those of its parts
  });
} else {
  $("#api").textContent = gettext("The files of this page are missing. Install the package flask-openapi3-swagger on the server.");
}
