/** One's own account: another password, and API tokens. */

import { changeOwnPassword, makeOwnToken, revokeOwnToken } from "./api.js";
import { $, h, toast } from "./dom.js";
import { onSend } from "./forms.js";
import { date, gettext } from "./i18n.js";
import { revoking } from "./tokens.js";

const list = $("#tokens");

function show({ id, name, created_at, token }) {
  const made = $("#made");
  $("strong", made).textContent = name;
  $("#secret").value = token;
  made.hidden = false;
  $("#secret").focus();
  $("#secret").select();
  const row = h("li", { class: "row", "data-token": id, "data-name": name },
    h("div", { class: "what" }, h("strong", {}, name), " ", h("span", { class: "hint" }, gettext("created %(day)s", { day: date(new Date(created_at), { dateStyle: "medium" }) }))),
    h("button", { class: "button danger", type: "button", "data-revoke": true, "aria-label": gettext("Revoke %(name)s", { name }) }, gettext("Revoke")));
  list.append(row);
}

async function copy() {
  $("#secret").select();
  try {
    await navigator.clipboard.writeText($("#secret").value);
    toast(gettext("Copied."));
  } catch {
    toast(gettext("The browser blocked copying. Press Ctrl+C.")); // it does where the connection is encrypted
  }
}

if (list) {
  revoking(list, async (id) => {
    await revokeOwnToken(id);
    if (list.dataset.shown === id) $("#made").hidden = true;
  });
  onSend($("#new-token"), async (form) => {
    const made = await makeOwnToken(form.get("name").trim());
    $("#new-token").reset();
    list.dataset.shown = made.id;
    show(made);
  });
  onSend($("#new-password"), async (form) => {
    await changeOwnPassword(form.get("current"), form.get("password"));
    $("#new-password").reset();
    $("#password").type = "password";
    toast(gettext("Password changed."));
  });
  $("[data-copy]").addEventListener("click", copy);
}
