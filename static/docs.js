// Copy buttons of the documentation page, for members and for readers without an account. Without this script everything can be shown and selected by hand.
"use strict";

const MASKED = /sr_[0-9A-Za-z]{4}•+[0-9A-Za-z]{4}/;

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

async function textToCopy(source) {
  const text = source.textContent;
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

for (const button of document.querySelectorAll("[data-copy]")) {
  const label = button.textContent;
  button.hidden = false;
  button.addEventListener("click", async () => {
    const source = document.getElementById(button.dataset.copy);
    try {
      await copy(await textToCopy(source));
      button.textContent = "Copied";
    } catch {
      button.textContent = MASKED.test(source.textContent) ? "Show the token first" : "Select it by hand";
    }
    setTimeout(() => { button.textContent = label; }, 2500);
  });
}
