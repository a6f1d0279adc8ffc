/** A scrollbar of our own: browsers cap the height of an element long before ten million rows. */

import { h } from "./core.js";

const SMALLEST_THUMB = 28;
const FINE = 0.01;

/**
 * Where the thumb lies for an offset, and how long it is.
 * @param {number} track length of the track in pixels
 * @param {number} view length of what is seen
 * @param {number} total length of everything
 * @param {number} offset
 * @returns {{length: number, start: number}}
 */
export function thumbPlace(track, view, total, offset) {
  if (total <= view || track <= 0) return { length: track, start: 0 };
  const length = Math.min(track, Math.max(SMALLEST_THUMB, (track * view) / total));
  return { length, start: ((track - length) * offset) / (total - view) };
}

/**
 * The offset for a thumb position: the inverse of `thumbPlace`.
 * @param {number} track
 * @param {number} view
 * @param {number} total
 * @param {number} start
 */
export function thumbOffset(track, view, total, start) {
  const { length } = thumbPlace(track, view, total, 0);
  if (total <= view || track <= length) return 0;
  return (Math.max(0, Math.min(start, track - length)) / (track - length)) * (total - view);
}

export class ScrollBar {
  /**
   * @param {"x" | "y"} axis
   * @param {(offset: number) => void} onscroll
   * @param {(() => string) | null} label what the bubble beside the thumb says
   */
  constructor(axis, onscroll, label = null) {
    this.axis = axis;
    this.onscroll = onscroll;
    this.label = label;
    this.track = this.view = this.total = this.offset = 0;
    this.thumb = h("div", { class: "mdb-thumb" });
    this.bubble = h("div", { class: "mdb-bubble", hidden: true });
    this.element = h("div", { class: `mdb-bar mdb-bar-${axis}`, "aria-hidden": "true" }, this.thumb, this.bubble);
    this.element.addEventListener("pointerdown", (event) => this.grab(event));
    this.element.addEventListener("pointermove", (event) => this.drag(event));
    for (const end of ["pointerup", "pointercancel", "lostpointercapture"]) {
      this.element.addEventListener(end, () => this.release());
    }
    /** @type {{at: number, start: number} | null} */
    this.held = null;
  }

  /** @param {number} track @param {number} view @param {number} total @param {number} offset */
  place(track, view, total, offset) {
    if (track === this.track && view === this.view && total === this.total && offset === this.offset) return;
    Object.assign(this, { track, view, total, offset });
    const { length, start } = thumbPlace(track, view, total, offset);
    const size = this.axis === "y" ? "height" : "width";
    this.element.classList.toggle("mdb-bar-idle", total <= view);
    this.thumb.style[size] = `${length}px`;
    this.thumb.style.transform = this.axis === "y" ? `translateY(${start}px)` : `translateX(${start}px)`;
    this.bubble.style.transform = `translateY(${Math.max(0, start + length / 2 - 14)}px)`;
    if (this.held && this.label) this.bubble.textContent = this.label();
  }

  /** @param {PointerEvent} event */
  position(event) {
    const box = this.element.getBoundingClientRect();
    return this.axis === "y" ? event.clientY - box.top : event.clientX - box.left;
  }

  /** @param {PointerEvent} event */
  grab(event) {
    if (event.button !== 0 || this.total <= this.view) return;
    event.preventDefault();
    this.element.setPointerCapture(event.pointerId);
    const at = this.position(event);
    const { length, start } = thumbPlace(this.track, this.view, this.total, this.offset);
    const onThumb = at >= start && at <= start + length;
    this.held = { at, start: onThumb ? start : at - length / 2 };
    this.element.classList.add("mdb-bar-held");
    if (!onThumb) this.onscroll(thumbOffset(this.track, this.view, this.total, this.held.start));
    if (this.label) {
      this.bubble.textContent = this.label();
      this.bubble.hidden = false;
    }
  }

  /** Shift moves a hundred times finer: one pixel of the bar may be 30,000 rows. @param {PointerEvent} event */
  drag(event) {
    if (!this.held) return;
    const at = this.position(event);
    const { at: before, start } = this.held;
    if (event.shiftKey) {
      const rate = (this.total - this.view) / Math.max(1, this.track);
      this.onscroll(this.offset + (at - before) * rate * FINE);
      this.held = { at, start: thumbPlace(this.track, this.view, this.total, this.offset).start };
      return;
    }
    this.held = { at, start: start + at - before };
    this.onscroll(thumbOffset(this.track, this.view, this.total, this.held.start));
  }

  release() {
    this.held = null;
    this.bubble.hidden = true;
    this.element.classList.remove("mdb-bar-held");
  }
}
