/** What a search found: the grid of its results, with its line, judgements, previews and what is selected. */

import { askedAfter } from "./acts.js";
import { base, baseOf, isHere } from "./base.js";
import { actOnSelection } from "./bulk.js";
import { isTogether } from "./combine.js";
import { $ } from "./dom.js";
import { nameCollections } from "./everywhere.js";
import { Judging } from "./judging.js";
import { Line } from "./line.js";
import { Preview } from "./preview.js";
import { anew, format, withExample } from "./refs.js";
import { selectResults, showResults } from "./results.js";
import { nothingLikely, showSummary } from "./summary.js";

export class Found {
  #answer = null;
  #list;
  #page;
  #line;
  #selection;
  #judging;
  #preview;
  #on = {
    vote: (result, side) => this.#judging.vote(result, side),
    side: (segment) => this.#judging.marks.of(segment),
    preview: (card) => this.#preview.open(card),
    act: (result, name) => this.#act(result, name),
  };

  /**
   * In `area`. `page` has `asked`, which tells what is searched for; `go`, which changes it; `keep`, which changes it
   * in the address only; and `show`, which searches again.
   */
  constructor(area, page) {
    this.#page = page;
    this.#list = $("#results", area);
    this.#line = new Line(this.#list, (above) => this.#moveLine(above));
    this.#selection = selectResults(this.#list);
    this.#judging = new Judging({ area, asked: page.asked, go: page.go, addPhoto: (image, side) => this.#addPhoto(image, side), on: this.#on });
    this.#preview = new Preview(area, this.#on);
    actOnSelection(this.#selection, page.show);
  }

  /** An example is of its own collection, so the search goes on there. */
  #act(result, name) {
    const next = askedAfter(this.#page.asked(), result, name);
    if (isHere(result)) this.#go(next);
    else location.assign(baseOf(result) + format(next).slice(base.length));
  }

  /** Something else is going to be shown. */
  leave() {
    this.#preview.close({ returns: false });
    this.#judging.clear();
  }

  clear() {
    this.#list.replaceChildren();
    this.#selection.retain();
  }

  show(answer) {
    nameCollections(answer);
    this.#answer = answer;
    this.#showGrid();
    this.#judging.show(this.#page.asked().feedback ? answer : null);
  }

  #showGrid() {
    const { results, parts, words, none_likely: isNone } = this.#answer;
    const asked = this.#page.asked();
    showResults(this.#list, results, {
      parts,
      on: this.#on,
      alone: asked.group === "segment",
      together: isTogether(asked) && parts.length > 1 && asked.group === "image",
      line: this.#line,
      above: asked.above,
      none: isNone ? nothingLikely(words) : null,
    });
    this.#selection.retain();
    showSummary($("#summary"), asked, this.#answer, (chosen) => this.#page.go({ ...anew(asked), ...chosen }));
  }

  /** Show another number of results as likely. */
  #moveLine(above) {
    if (above !== undefined) this.#page.keep({ ...this.#page.asked(), above });
    this.#showGrid();
  }

  /** Whole photos are no segments that could be judged: one that was voted for is another example at once. */
  #addPhoto(image, side) {
    this.#go(withExample(this.#page.asked(), { image }, side === "relevant" ? "positive" : "negative"));
  }

  #go(next) {
    this.#page.go(next);
    scrollTo(0, 0);
  }
}
