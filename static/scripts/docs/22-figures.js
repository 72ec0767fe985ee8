// What is left, kept true while the page is open: whoever has asked GET usage hands the answer on with
// smartRoute.showUsage({ day: { used, left }, month: { used, left } }); `left` is null on plans without a limit.
{
  const written = (number) => number.toLocaleString("en");

  function showTrack(track, { used, left }) {
    track.querySelector("strong").textContent = written(left ?? used);
    const line = track.querySelector("progress");
    if (!line) return;
    line.value = Math.min(used, line.max);
    line.textContent = line.textContent.replace(/^\S+/, written(used));
    track.classList.toggle("spent", left === 0);
    const reset = track.querySelector(".quiet");
    reset.textContent = reset.textContent.replace(/^\S+ used/, `${written(used)} used`);
  }

  globalThis.smartRoute.showUsage = (usage) => {
    const tracks = document.querySelectorAll(".docs-tracks .track");
    const short = document.querySelectorAll(".desk-quota dd strong");
    [usage.day, usage.month].forEach((window, place) => {
      if (tracks[place]) showTrack(tracks[place], window);
      if (short[place] && window.left !== null) short[place].textContent = written(window.left);
    });
    if (!usage.month.used) return;
    for (const words of document.querySelectorAll("[data-once-used]")) words.textContent = words.dataset.onceUsed;
  };
}
