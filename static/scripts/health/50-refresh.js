// Asks for the tables of the health page every few seconds while the page is seen. Without this script a reload does it.
{
  const EVERY_MS = 3000;
  const place = document.getElementById("health-tables");
  const pulse = document.getElementById("health-pulse");
  let timer = 0;

  // Where a table was scrolled to, and which frame had the keyboard, stays so.
  function replace(html) {
    const frames = () => [...place.querySelectorAll(".frame")];
    const before = frames();
    const scrolled = before.map((frame) => frame.scrollLeft);
    const focused = before.indexOf(document.activeElement);
    place.innerHTML = html;
    frames().forEach((frame, number) => {
      frame.scrollLeft = scrolled[number] ?? 0;
      if (number === focused) frame.focus({ preventScroll: true });
    });
  }

  async function refresh() {
    try {
      const answer = await fetch(place.dataset.refresh, { headers: { Accept: "text/html" }, redirect: "error" });
      if (!answer.ok) throw new Error(`status ${answer.status}`);
      const html = await answer.text();
      // Whoever is marking text to copy it would lose the mark.
      if (document.getSelection().isCollapsed) replace(html);
      tell("");
    } catch {
      tell("The figures are not being refreshed: the service does not answer, or you are signed out.");
    }
    again();
  }

  function tell(text) {
    if (pulse.textContent !== text) pulse.textContent = text;
  }

  function again() {
    clearTimeout(timer);
    if (!document.hidden) timer = setTimeout(refresh, EVERY_MS);
  }

  document.addEventListener("visibilitychange", () => (document.hidden ? clearTimeout(timer) : refresh()));
  again();
}
