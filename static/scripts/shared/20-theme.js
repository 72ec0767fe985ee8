// The theme at once, in the cookie that the server reads; without this script the form does the same by a page load.
{
  const COOKIE = "smartroute_theme";
  const YEAR_S = 365 * 24 * 3600;

  function choose(theme) {
    const kept = theme === "light" || theme === "dark";
    const secure = location.protocol === "https:" ? "; Secure" : "";
    document.cookie = `${COOKIE}=${kept ? theme : ""}; Max-Age=${kept ? YEAR_S : 0}; Path=/; SameSite=Lax${secure}`;
    if (kept) document.documentElement.dataset.theme = theme;
    else delete document.documentElement.dataset.theme;
  }

  for (const form of document.querySelectorAll("form[data-theme-switch]")) {
    form.addEventListener("submit", (event) => {
      if (!event.submitter) return;
      event.preventDefault();
      choose(event.submitter.value);
      for (const button of form.querySelectorAll("button")) {
        button.setAttribute("aria-pressed", String(button === event.submitter));
      }
    });
  }
}
