/** A photo that is being added, in a list, with what becomes of it. */

import { base } from "./base.js";
import { h, icon } from "./dom.js";
import { folderOf, place } from "./files.js";
import { gettext } from "./i18n.js";

const OUTCOMES = {
  queued: ["clock", gettext("waiting")],
  sending: ["upload", gettext("uploading")],
  pending: ["clock", gettext("being segmented")],
  indexed: ["check", gettext("searchable"), "good"],
  empty: ["check", gettext("no segments found"), "good"],
  known: ["same", gettext("already in the library")],
  restored: ["undo", gettext("restored from the trash"), "good"],
  failed: ["warning", gettext("could not be added"), "bad"],
  refused: ["warning", gettext("not added"), "bad"],
};

export class Row {
  /** Of a File, or of an entry of a ZIP file, which is unpacked when its turn comes. */
  constructor(source) {
    this.source = source;
    const { name } = source;
    const folder = source.folder ?? folderOf(source);
    this.share = 0;
    this.why = h("span", { class: "why" });
    this.outcome = h("span", { class: "outcome" });
    this.thumb = h("span", { class: "thumb" }, icon("photo"));
    this.name = h("a", { class: "name", title: [folder, name].filter(Boolean).join("/") }, name);
    this.item = h("li", {}, this.thumb, h("span", {}, this.name, h("br"), this.why), this.outcome);
    this.set("queued");
  }

  set(state, why = "") {
    this.state = state;
    const [sign, words, colour] = OUTCOMES[state];
    this.outcome.replaceChildren(icon(sign), words);
    this.why.textContent = why;
    this.item.className = colour ?? "";
    this.outcome.classList.toggle("good", colour === "good");
  }

  link(id) {
    this.name.href = `${base}/photos/${id}`;
    this.name.dataset.stop = "";
  }

  /** Its thumbnail: made by the server once the photo is in. */
  show(id) {
    this.thumb.replaceChildren(h("img", { src: `${base}/api/v1/images/${id}/thumbnail`, alt: "", loading: "lazy" }));
  }

  async file() {
    if (!this.source.open) return this.source;
    const file = await this.source.open();
    place(file, this.source.folder);
    return file;
  }
}
