/** What happens to photos on their way in: the server says when it changes; if it cannot, it is asked again and again. */

import { getStatus } from "./api.js";
import { base } from "./base.js";
import { gettext, number } from "./i18n.js";

const BUSY = 2000; // milliseconds between two questions while photos are waiting
const IDLE = 4000;
const AGAIN = 60000; // until the server is asked anew to tell of changes by itself
const OVER = 30000; // the pace is that of the last 30 seconds
const LEAST = 4000;

/** How fast photos are finished. */
class Pace {
  #seen = [];

  /** So many are done now; answers how many a second, or null while that is not known. */
  of(done, now = performance.now()) {
    this.#seen = [...this.#seen.filter((each) => now - each.now < OVER && each.done <= done), { done, now }];
    const first = this.#seen[0];
    return now - first.now < LEAST || done === first.done ? null : (1000 * (done - first.done)) / (now - first.now);
  }

  clear() {
    this.#seen = [];
  }
}

/** Call `onChange` with {waiting, entered, total, trash, counts, ended, paused, shortage, rate} at first and on changes. */
export function followIntake({ onChange }) {
  const pace = new Pace();
  let before = null;
  let finished = null; // photos that were done when the waiting began
  let turn = Promise.resolve();

  const take = async ({ counts, trash, paused, shortage }) => {
    const waiting = counts.pending + counts.working;
    const total = Object.values(counts).reduce((sum, count) => sum + count);
    if (!before || before.waiting === 0) {
      finished = total - waiting;
      pace.clear();
    }
    finished = Math.min(finished, total - waiting); // of those some may have been deleted
    const entered = total - waiting - finished;
    const rate = waiting && !paused ? pace.of(entered) : null;
    const told = JSON.stringify([counts, trash, paused, shortage]);
    if (told === before?.told) return waiting;
    const ended = waiting === 0 && before?.waiting > 0;
    before = { told, waiting };
    await onChange({ waiting, total, trash, counts, ended, paused, shortage, entered, rate });
    return waiting;
  };
  const inTurn = (status) => (turn = turn.then(() => take(status)).catch(() => {}));

  listen(inTurn);
}

/** Have the server tell of changes as long as somebody looks; otherwise ask it. */
async function listen(take) {
  for (;;) {
    await visible();
    await new Promise((resolve) => {
      const source = new EventSource(`${base}/api/v1/events`);
      const end = () => {
        source.close();
        document.removeEventListener("visibilitychange", hide);
        removeEventListener("pagehide", end);
        resolve();
      };
      const hide = () => document.hidden && end();
      source.addEventListener("status", ({ data }) => take(JSON.parse(data)));
      source.addEventListener("error", () => source.readyState === EventSource.CLOSED && end()); // it was refused
      document.addEventListener("visibilitychange", hide);
      addEventListener("pagehide", end);
    });
    if (!document.hidden) await ask(take);
  }
}

async function ask(take) {
  for (const end = performance.now() + AGAIN; performance.now() < end; ) {
    const waiting = await getStatus().then(take).catch(() => 0); // the server is away; perhaps it comes back
    await new Promise((resolve) => setTimeout(resolve, waiting ? BUSY : IDLE));
    await visible();
  }
}

/** Resolves as soon as somebody looks. */
const visible = () => document.hidden
  && new Promise((resolve) => document.addEventListener("visibilitychange", resolve, { once: true }));

/** "312 of 1,204, 4.1 a second, 3 min left". */
export function progressOf({ entered, waiting, rate }) {
  const all = entered + waiting;
  const parts = [gettext("%(num)s of %(all)s", { num: number(entered), all: number(all) })];
  if (rate) {
    parts.push(rate >= 0.1
      ? gettext("%(num)s a second", { num: number(rate, rate < 10 ? 1 : 0) })
      : gettext("%(num)s a minute", { num: number(60 * rate, 1) }));
    parts.push(gettext("%(time)s left", { time: lasting(waiting / rate) }));
  }
  return parts.join(", ");
}

function lasting(seconds) {
  if (seconds < 90) return gettext("%(num)s s", { num: Math.max(1, Math.round(seconds)) });
  const minutes = Math.round(seconds / 60);
  return minutes < 90 ? gettext("%(num)s min", { num: minutes }) : gettext("%(num)s h", { num: number(Math.round(minutes / 60)) });
}
