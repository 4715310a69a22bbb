/** The line that says how far an ingest is, with the buttons that make sense now. */

import { $, $$ } from "./dom.js";
import { gettext, ngettext } from "./i18n.js";
import { progressOf } from "./intake.js";

/** What is going on, such as "Paused": a pause lets the workers finish the photos that they have begun. */
function doing({ counts, paused, shortage }) {
  if (paused) return counts.working
    ? ngettext("Pausing once %(num)s photo in progress is finished", "Pausing once %(num)s photos in progress are finished", counts.working)
    : gettext("Paused");
  return shortage ? gettext("Waiting for disk space (%(why)s)", { why: shortage }) : gettext("Segmenting photos");
}

/** Show a state of `followIntake`; the line is hidden if nothing is on its way in and nothing is in the way. */
export function showIntake(intake) {
  const { waiting, entered, counts, paused, shortage } = intake;
  const line = $("#intake");
  const seen = { pause: waiting && !paused, resume: paused, cancel: counts.pending };
  for (const button of $$("[data-intake]", line)) button.hidden = !seen[button.dataset.intake];
  line.hidden = waiting === 0 && !paused && !shortage;
  $("p", line).textContent = waiting ? `${doing(intake)}: ${progressOf(intake)}` : `${doing(intake)}.`;
  $("progress", line).hidden = waiting === 0;
  $("progress", line).value = waiting ? entered / (waiting + entered) : 0;
}
