// Copy buttons: <button type="button" hidden data-copy="ID"> copies the text of #ID. A page with a token box has the
// token masked in its lines; the whole one is filled in. Without this script everything can be shown and selected by hand.
{
  const MASKED = /sr_[0-9A-Za-z]{4}•+[0-9A-Za-z]{4}/;
  const TOLD_FOR_MS = 2500;

  // The whole token is fetched when it is wanted, by the form that shows it; it is kept nowhere.
  async function wholeToken() {
    const form = document.querySelector('form[action$="/token/reveal"]');
    const answer = await fetch(form.action, {
      method: "POST",
      body: new FormData(form),
      headers: { Accept: "application/json" },
    });
    if (!answer.ok) throw new Error(`status ${answer.status}`);
    return (await answer.json()).token;
  }

  async function withToken(text) {
    return MASKED.test(text) ? text.replace(MASKED, await wholeToken()) : text;
  }

  // navigator.clipboard exists on HTTPS and on this machine only.
  async function copy(text) {
    if (navigator.clipboard) return navigator.clipboard.writeText(text);
    const box = document.createElement("textarea");
    box.value = text;
    document.body.append(box);
    box.select();
    const copied = document.execCommand("copy");
    box.remove();
    if (!copied) throw new Error("not copied");
  }

  function offer(button) {
    const label = [...button.childNodes]; // words for screen readers among them
    button.hidden = false;
    button.addEventListener("click", async () => {
      const source = document.getElementById(button.dataset.copy);
      const text = source.value ?? source.textContent;
      try {
        await copy(await withToken(text));
        button.replaceChildren("Copied");
      } catch {
        button.replaceChildren(MASKED.test(text) ? "Show the token first" : "Select it by hand");
      }
      setTimeout(() => button.replaceChildren(...label), TOLD_FOR_MS);
    });
  }

  document.querySelectorAll("[data-copy]").forEach(offer);

  globalThis.smartRoute ??= {};
  Object.assign(globalThis.smartRoute, { copy, withToken, wholeToken });
}
