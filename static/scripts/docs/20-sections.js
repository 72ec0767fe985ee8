// The section list marks the section that is being read.
{
  const links = new Map();
  for (const link of document.querySelectorAll(".section-list a[href^='#']")) {
    const part = document.getElementById(decodeURIComponent(link.hash.slice(1)));
    if (part) links.set(part, link);
  }
  const parts = [...links.keys()];
  const LINE_PX = 120; // what has passed this line from below is being read

  // Not by scrollIntoView: from where that leads, the Tab key goes on.
  function reveal(link) {
    const list = link.closest(".section-list");
    const [box, frame] = [link.getBoundingClientRect(), list.getBoundingClientRect()];
    if (box.top < frame.top) list.scrollTop -= frame.top - box.top;
    else if (box.bottom > frame.bottom) list.scrollTop += box.bottom - frame.bottom;
  }

  let marked = null;
  function mark() {
    const atEnd = innerHeight + scrollY >= document.documentElement.scrollHeight - 2;
    const passed = parts.filter((part) => part.getBoundingClientRect().top <= LINE_PX);
    const link = links.get(atEnd ? parts.at(-1) : (passed.at(-1) ?? parts[0]));
    if (link === marked) return;
    marked?.removeAttribute("aria-current");
    link?.setAttribute("aria-current", "true");
    if (link) reveal(link);
    marked = link ?? null;
  }

  let asked = false;
  function soon() {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => { asked = false; mark(); });
  }

  if (parts.length) {
    addEventListener("scroll", soon, { passive: true });
    addEventListener("resize", soon, { passive: true });
    mark();
  }

  // On a phone the list folds away once a section was chosen.
  for (const folded of document.querySelectorAll("details.section-fold")) {
    folded.addEventListener("click", (event) => { if (event.target.closest("a")) folded.open = false; });
  }
}
