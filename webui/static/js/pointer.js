/** The pointer over a photo: hovering, clicking, and dragging a box, in pixels of the photo. */

const DRAG = 6; // screen pixels from which a press is a drag

/**
 * Listen on a surface that covers a photo of the given size.
 *
 * A mouse or pen drags a box at any time; a finger only where `fingersDraw()` says so, for it has to scroll too.
 */
export function followPointer(surface, { width, height }, { onMove, onLeave, onClick, onDrag, onBox, fingersDraw }) {
  let start = null;
  let dragging = false;

  const place = (event) => {
    const frame = surface.getBoundingClientRect();
    const share = (at, from, length) => Math.min(Math.max((at - from) / length, 0), 1);
    const [x, y] = [share(event.clientX, frame.left, frame.width), share(event.clientY, frame.top, frame.height)];
    return [x * width, y * height];
  };
  const box = (event) => {
    const [[x0, y0], [x1, y1]] = [start.at, place(event)];
    return [Math.min(x0, x1), Math.min(y0, y1), Math.max(x0, x1), Math.max(y0, y1)].map(Math.round);
  };
  const stop = () => {
    start = null;
    dragging = false;
    onDrag(null);
  };

  surface.addEventListener("pointerdown", (event) => {
    if (event.button === 0) start = { at: place(event), x: event.clientX, y: event.clientY };
  });
  surface.addEventListener("pointermove", (event) => {
    if (!start) return onMove(place(event));
    const moved = Math.hypot(event.clientX - start.x, event.clientY - start.y);
    const draws = event.pointerType !== "touch" || fingersDraw();
    if (!dragging && draws && moved > DRAG) {
      dragging = true;
      surface.setPointerCapture(event.pointerId);
    }
    if (dragging) onDrag(box(event));
  });
  surface.addEventListener("pointerup", (event) => {
    if (!start) return;
    const [drawn, wasDragging, at] = [box(event), dragging, start.at];
    stop();
    if (!wasDragging) onClick(at, event);
    else if (drawn[2] > drawn[0] && drawn[3] > drawn[1]) onBox(drawn);
  });
  surface.addEventListener("pointercancel", stop);
  surface.addEventListener("pointerleave", () => !dragging && onLeave());
  addEventListener("keydown", (event) => {
    if (event.key === "Escape" && dragging) stop();
  });
}
