/** A list of API tokens that can be revoked. */

import { $, toast } from "./dom.js";
import { gettext } from "./i18n.js";

/** Have the list's buttons revoke; `revoke` is given the token's id. */
export function revoking(list, revoke) {
  list.addEventListener("click", async ({ target }) => {
    const row = target.closest("[data-revoke]")?.closest(".row");
    if (!row || !confirm(gettext("Revoke the token “%(name)s”? Programs that use it will be refused.", { name: row.dataset.name }))) return;
    try {
      await revoke(row.dataset.token);
    } catch (problem) {
      if (problem.status !== 404) return toast(problem.message, { wait: 10000 }); // 404: it is revoked already
    }
    const next = row.nextElementSibling ?? row.previousElementSibling;
    row.remove();
    $("button", next ?? list.closest("section"))?.focus();
    toast(gettext("Token %(name)s revoked.", { name: row.dataset.name }));
  });
}
