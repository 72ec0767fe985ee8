// The values of a day beside the pointer, or of the day that the arrow keys have reached. They are read from the table
// below the picture; without this script the browser's own titles and that table show them.
{
  const STEPS = { ArrowLeft: -1, ArrowRight: 1, PageUp: -7, PageDown: 7, Home: -Infinity, End: Infinity };

  function line(text, value) {
    const p = document.createElement("p");
    const name = document.createElement("span");
    name.append(...text);
    const figure = document.createElement("span");
    figure.className = "figures";
    figure.textContent = value;
    p.append(name, figure);
    return p;
  }

  // The header cells of the aliases stand between the day's and the two of the sums.
  function linesOf(row, heads) {
    const cells = [...row.cells];
    const aliases = heads.slice(1, -2).flatMap((head, number) => {
      const value = cells[number + 1].textContent;
      return value === "0" ? [] : [line([...head.cloneNode(true).childNodes], value)];
    });
    return [
      line([cells[0].textContent], ""),
      ...aliases,
      line(["Requests"], cells.at(-2).textContent),
      line([heads.at(-1).textContent], cells.at(-1).textContent),
    ];
  }

  function enhance(figure, table) {
    const room = figure.querySelector(".chart-room");
    const days = [...figure.querySelectorAll(".day")];
    const rows = [...table.tBodies[0].rows];
    const heads = [...table.tHead.rows[0].cells];
    const tip = document.createElement("div");
    tip.className = "chart-tip";
    tip.hidden = true;
    tip.setAttribute("aria-live", "polite");
    room.append(tip);
    let at = -1;

    function show(number) {
      if (number === at) return;
      days[at]?.classList.remove("at");
      at = number;
      tip.hidden = number < 0;
      if (number < 0) return;
      days[number].classList.add("at");
      tip.replaceChildren(...linesOf(rows[number], heads));
      const around = room.getBoundingClientRect();
      const day = days[number].querySelector(".room").getBoundingClientRect();
      const right = day.right - around.left + 8;
      const fits = right + tip.offsetWidth <= around.width;
      const left = fits ? right : day.left - around.left - tip.offsetWidth - 8;
      tip.style.left = `${Math.max(0, Math.min(left, around.width - tip.offsetWidth))}px`;
    }

    days.forEach((day, number) => {
      day.querySelector("title").remove(); // or two would be shown
      day.addEventListener("pointerenter", () => show(number));
    });
    room.tabIndex = 0;
    room.setAttribute("role", "group");
    room.setAttribute("aria-label", "Requests a day. Arrow keys go from day to day.");
    room.addEventListener("pointerleave", () => show(-1));
    room.addEventListener("focus", () => { if (room.matches(":focus-visible")) show(days.length - 1); });
    room.addEventListener("blur", () => show(-1));
    room.addEventListener("keydown", (event) => {
      if (event.key === "Escape") return show(-1);
      const step = STEPS[event.key];
      if (step === undefined || event.altKey || event.ctrlKey || event.metaKey) return;
      event.preventDefault();
      const from = at < 0 ? days.length : at;
      show(Math.max(0, Math.min(days.length - 1, from + step)));
    });
  }

  const figure = document.querySelector("[data-chart]");
  const table = document.querySelector("[data-chart-table]");
  if (figure && table) enhance(figure, table);
}
