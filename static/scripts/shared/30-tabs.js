// Tabs are radio buttons and work without this script, which remembers the choice: who reads curl reads it everywhere.
{
  const KEY = "smartroute-tab:";
  const groups = [...document.querySelectorAll("[data-tabs]")];
  const radiosOf = (group) => [...group.querySelectorAll(":scope > input")];

  function kept(key) {
    try { return localStorage.getItem(KEY + key); } catch { return null; } // storage may be switched off
  }

  function keep(key, label) {
    try { localStorage.setItem(KEY + key, label); } catch { /* the choice lasts as long as the page */ }
  }

  function show(key, label) {
    for (const group of groups) {
      const radio = group.dataset.tabs === key && radiosOf(group).find(({ value }) => value === label);
      if (radio) radio.checked = true;
    }
  }

  for (const group of groups) {
    const key = group.dataset.tabs;
    show(key, kept(key));
    group.addEventListener("change", (event) => {
      if (!radiosOf(group).includes(event.target)) return;
      keep(key, event.target.value);
      show(key, event.target.value);
    });
  }
}
