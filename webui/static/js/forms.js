/** Forms that are sent by a call to the API: one at a time, and what is wrong is said in the form. */

import { $, $$ } from "./dom.js";

/** Have a form do something when it is sent; a Problem is shown in its notice. */
export function onSend(form, act) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = $("[type=submit]", form);
    complain(form, "");
    button.disabled = true;
    try {
      await act(new FormData(form));
    } catch (problem) {
      complain(form, problem.message);
    }
    button.disabled = false;
  });
}

function complain(form, text) {
  const notice = $(".notice.bad", form);
  notice.textContent = text;
  notice.hidden = !text;
}

/** Open a dialog with an empty form in it. */
export function openForm(dialog) {
  const form = $("form", dialog);
  form.reset();
  complain(form, "");
  for (const box of $$("[data-reveal]", form)) reveal(box);
  dialog.showModal();
}

const reveal = (box) => ($(`#${box.dataset.reveal}`).type = box.checked ? "text" : "password");

for (const box of $$("[data-reveal]")) box.addEventListener("change", () => reveal(box));
for (const button of $$("[data-close]")) button.addEventListener("click", () => button.closest("dialog").close());
