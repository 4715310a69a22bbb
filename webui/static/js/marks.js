/** What was judged right or wrong: in the rounds so far, and since then. */

import { $, $$ } from "./dom.js";

export const SIDES = ["relevant", "irrelevant"];

export class Marks {
  #judged = new Map(); // the side of each segment by the round that is shown
  #changes = new Map(); // the side since then, or "withdrawn"
  #onChange;

  constructor(onChange) {
    this.#onChange = onChange;
  }

  /** Take over what a round was made from; null for none. What the last round does not have yet stays marked. */
  judged(round) {
    this.#judged = new Map(SIDES.flatMap((side) => (round?.[side] ?? []).map((segment) => [segment, side])));
    if (round && round.round < round.rounds) return;
    for (const [segment, side] of this.#changes) {
      if ((this.#judged.get(segment) ?? "withdrawn") === side) this.#changes.delete(segment);
    }
  }

  of(segment) {
    const side = this.#changes.get(segment) ?? this.#judged.get(segment);
    return SIDES.includes(side) ? side : null;
  }

  isChanged = (segment) => this.#changes.has(segment);

  get hasChanges() {
    return this.#changes.size > 0;
  }

  /** Segments whose mark was changed to a side, or taken back ("withdrawn"), since the last round. */
  changed = (side) => [...this.#changes].flatMap(([segment, given]) => (given === side ? [segment] : []));

  /** All segments on a side, those of the rounds first; one that was taken back since stays where it was. */
  on(side) {
    const all = new Set([...this.#judged.keys(), ...this.#changes.keys()]);
    return [...all].filter((segment) => (this.of(segment) ?? this.#judged.get(segment)) === side);
  }

  /** Mark a segment, or take back its mark if it has it already. */
  toggle(segment, side) {
    const next = this.of(segment) === side ? null : side;
    if (next === (this.#judged.get(segment) ?? null)) this.#changes.delete(segment);
    else this.#changes.set(segment, next ?? "withdrawn");
    this.show();
    this.#onChange();
  }

  clear() {
    this.#changes.clear();
    this.show();
    this.#onChange();
  }

  /** Bring the marks of every card in line. */
  show() {
    for (const card of $$(".result[data-segment]")) {
      const given = this.of(Number(card.dataset.segment));
      card.classList.toggle("right", given === "relevant");
      card.classList.toggle("wrong", given === "irrelevant");
      for (const side of SIDES) $(`.votes .${side}`, card)?.setAttribute("aria-pressed", String(given === side));
    }
  }
}
