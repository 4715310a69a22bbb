/** Who may sign in: add, change, remove; and the tokens of all. */

import { addUser, changeUser, removeUser, revokeToken } from "./api.js";
import { $, $$, toast } from "./dom.js";
import { onSend, openForm } from "./forms.js";
import { gettext } from "./i18n.js";
import { revoking } from "./tokens.js";

const ROLES = { viewer: gettext("viewer"), editor: gettext("editor"), admin: gettext("admin") };
const adding = $("#adding");
const changing = $("#changing");
let changed = null; // the row that the dialog is about

$("#add").addEventListener("click", () => openForm(adding));
onSend($("form", adding), async (form) => {
  await addUser({ name: form.get("name").trim(), role: form.get("role"), password: form.get("new-password") });
  location.reload();
});

function change(row) {
  changed = row;
  openForm(changing);
  $("#changing-title span").textContent = row.dataset.user;
  $("#other-role").value = row.dataset.role;
}

onSend($("form", changing), async (form) => {
  const { user, role: before } = changed.dataset;
  const password = form.get("other-password");
  const role = form.get("role");
  if (role !== before || password) {
    await changeUser(user, { ...(role !== before && { role }), ...(password && { password }) });
    changed.dataset.role = role;
    $("[data-shown-role]", changed).textContent = ROLES[role];
    toast([role !== before && gettext("The role of %(user)s is now %(role)s.", { user, role: ROLES[role] }), password && gettext("The password of %(user)s was changed.", { user })].filter(Boolean).join(" "));
  }
  changing.close();
});

async function remove({ dataset: { user } }) {
  if (!confirm(gettext("Remove %(user)s? Their sessions and API tokens end at once. Photos they added are kept.", { user }))) return;
  try {
    await removeUser(user);
  } catch (problem) {
    if (problem.status !== 404) return toast(problem.message, { wait: 10000 }); // 404: removed already
  }
  location.reload();
}

for (const row of $$("[data-user]")) {
  $("[data-change]", row)?.addEventListener("click", () => change(row));
  $("[data-remove]", row)?.addEventListener("click", () => remove(row));
}
for (const list of $$(".rows:has([data-token])")) revoking(list, revokeToken);
