/** What people do with the marks on results: rounds, looking back, undoing, and a name for what came of it. */

import { beginFeedback, judge, keepConcept, takeBack } from "./api.js";
import { $, toast } from "./dom.js";
import { anew, body, isWhole } from "./refs.js";
import { showResults } from "./results.js";
import { Marks, showRounds } from "./rounds.js";

export class Judging {
  /** `asked` tells what is searched for now, `go` changes it; `addPhoto` takes a vote for a whole photo. */
  constructor({ area, asked, go, addPhoto }) {
    Object.assign(this, { area, asked, go, addPhoto, round: null });
    this.marks = new Marks(() => this.showRounds());
    document.addEventListener("keydown", (event) => this.byKey(event));
  }

  clear() {
    this.round = null;
    this.marks.clear();
  }

  /** Show a round; null for a search that was not refined. */
  show(round) {
    this.round = round;
    const ask = round?.ask ?? [];
    $("#ask").hidden = ask.length === 0;
    const options = { alone: this.asked().group === "segment", onVote: this.vote };
    showResults($("#ask ul"), ask.map((result) => ({ ...result, likely: true })), options);
    this.showRounds();
  }

  showRounds() {
    showRounds($("#rounds"), this.round, this.marks, {
      onRefine: () => this.act(() => this.refine()),
      onUndo: () => this.act(() => this.undo()),
      onSave: (name) => this.act(() => this.save(name)),
      onCompare: (round) => this.go({ ...this.asked(), round }),
      onClear: () => {
        this.marks.clear();
        this.marks.show();
      },
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
    const [relevant, irrelevant] = ["relevant", "irrelevant"].map((side) => this.marks.all(side));
    const id = this.asked().feedback ?? (await beginFeedback({ ...body(this.asked()), facets: true })).id;
    const { round } = await judge(id, { relevant, irrelevant });
    await this.go({ ...this.asked(), feedback: id, round });
  }

  async undo() {
    const { round, id } = await takeBack(this.asked().feedback);
    await this.go(round ? { ...this.asked(), feedback: id, round } : anew(this.asked()), { replace: true });
  }

  async save(name) {
    const kept = await keepConcept(name, this.asked().feedback);
    toast(`Saved. You can now search for “${kept.name}”.`);
  }
}
