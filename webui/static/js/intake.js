/** What happens to photos on their way in, by asking the server again and again while there is something to tell. */

import { getStatus } from "./api.js";

const BUSY = 2000; // milliseconds between two questions while photos are waiting
const IDLE = 4000;

/** Call `onChange` with {waiting, entered, total, trash, counts, ended, paused, shortage} at first and whenever one of them is another. */
export async function followIntake({ onChange }) {
  let before = null;
  let finished = null; // photos that were done when the waiting began
  for (;;) {
    let waiting = 0;
    try {
      const { counts, trash, paused, shortage } = await getStatus();
      waiting = counts.pending + counts.working;
      const total = Object.values(counts).reduce((sum, count) => sum + count);
      if (!before || before.waiting === 0) finished = total - waiting;
      const told = JSON.stringify([counts, trash, paused, shortage]);
      if (told !== before?.told) {
        const ended = waiting === 0 && before?.waiting > 0;
        await onChange({ waiting, total, trash, counts, ended, paused, shortage, entered: total - waiting - finished });
      }
      before = { told, waiting };
    } catch {
      /* the server is away; perhaps it comes back */
    }
    await pause(waiting ? BUSY : IDLE);
  }
}

/** Wait, and as long as nobody looks. */
async function pause(milliseconds) {
  await new Promise((resolve) => setTimeout(resolve, milliseconds));
  if (!document.hidden) return;
  await new Promise((resolve) => document.addEventListener("visibilitychange", resolve, { once: true }));
}
