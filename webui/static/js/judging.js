/** What people do with the marks on results: rounds, looking back, undoing, and a name for what came of it. */

import { beginFeedback, getRound, judge, keepConcept, takeBack } from "./api.js";
import { $, toast } from "./dom.js";
import { gettext } from "./i18n.js";
import { Marks } from "./marks.js";
import { anew, body, isWhole } from "./refs.js";
import { showResults } from "./results.js";
import { changeBetween, showChange, showRounds } from "./rounds.js";

export class Judging {
  /** `asked` tells what is searched for now, `go` changes it; `addPhoto` takes a vote for a whole photo; `on` has what is done on cards. */
  constructor({ area, asked, go, addPhoto, on }) {
    Object.assign(this, { area, asked, go, addPhoto, on, round: null, change: null, subject: null });
    this.marks = new Marks(() => this.showRounds());
    document.addEventListener("keydown", (event) => this.byKey(event));
  }

  /** Another search is coming; what was marked since the last round stays as long as the same is searched for. */
  clear() {
    const { positive, negative, text } = this.asked();
    const subject = JSON.stringify([positive, negative, text]);
    this.round = this.change = null;
    if (subject !== this.subject) this.marks.clear();
    this.subject = subject;
  }

  /** Show a round; null for a search that was not refined. */
  show(round) {
    this.round = round;
    this.marks.judged(round);
    const ask = round?.ask ?? [];
    $("#ask").hidden = ask.length === 0;
    showResults($("#ask ul"), ask, { alone: this.asked().group === "segment", on: this.on });
    this.marks.show();
    this.showRounds();
    if (round?.round) this.compare(round).catch(() => {}); // a round does without
  }

  /** Find out what the round changed. */
  async compare(round) {
    const before = await getRound(round.id, round.round - 1, { masks: "none" });
    if (this.round !== round) return;
    this.change = changeBetween(before, round);
    showChange($("#rounds"), this);
  }

  showRounds() {
    showRounds($("#rounds"), this, {
      onRefine: () => this.act(() => this.refine()),
      onUndo: () => this.act(() => this.undo()),
      onSave: (name) => this.act(() => this.save(name)),
      onCompare: (round) => this.go({ ...this.asked(), round, above: null }),
      onClear: () => this.marks.clear(),
    });
  }

  vote = ({ image_id: image, segment_id: segment }, side) => {
    if (segment === null || this.asked().positive.some(isWhole)) this.addPhoto(image, side);
    else this.marks.toggle(segment, side);
  };

  /** Y and N judge the result that has the focus. */
  byKey(event) {
    const card = event.target.closest?.(".result");
    if (!card || event.ctrlKey || event.metaKey || event.altKey) return;
    const side = { y: "relevant", n: "irrelevant" }[event.key.toLowerCase()];
    if (side) $(`.votes .${side}`, card)?.click();
  }

  async act(doing) {
    this.area.setAttribute("aria-busy", "true");
    try {
      await doing();
      scrollTo(0, 0);
    } catch (problem) {
      toast(problem.message, { wait: 10000 });
    }
    this.area.setAttribute("aria-busy", "false");
  }

  async refine() {
    const [relevant, irrelevant, withdrawn] = ["relevant", "irrelevant", "withdrawn"].map(this.marks.changed);
    const id = this.asked().feedback ?? (await beginFeedback({ ...body({ ...this.asked(), match: "kind" }), facets: true })).id;
    const { round } = await judge(id, { relevant, irrelevant, withdrawn });
    await this.go({ ...this.asked(), match: "kind", feedback: id, round, above: null });
  }

  async undo() {
    const { round, id } = await takeBack(this.asked().feedback);
    await this.go(round ? { ...this.asked(), feedback: id, round, above: null } : anew(this.asked()), { replace: true });
  }

  async save(name) {
    const kept = await keepConcept(name, this.asked().feedback);
    toast(gettext("Saved. You can now search for “%(name)s”.", { name: kept.name }));
  }
}
