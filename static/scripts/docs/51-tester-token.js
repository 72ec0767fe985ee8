// The member's own token: asked for by POST when it is first needed, kept in this variable, never in storage.
(() => {
  "use strict";
  const { tester } = globalThis.smartRoute;
  let known = null;

  class TokenTrouble extends Error {}

  async function whole() {
    if (known) return known;
    const form = new FormData();
    form.set("csrf_token", tester.root.dataset.csrf);
    const answer = await fetch(tester.root.dataset.reveal, {
      method: "POST", body: form, headers: { Accept: "application/json" }, redirect: "manual", cache: "no-store",
    });
    if (!answer.ok) throw new TokenTrouble("The page may not read your token any more. Reload it and sign in again.");
    known = (await answer.json()).token;
    if (!known) throw new TokenTrouble("Your token is revoked. Make a new one in the token box, then send again.");
    return known;
  }

  function forget() {
    known = null;
  }

  // Calls the API with the token. One that was replaced meanwhile, in another tab, is fetched anew, once.
  async function call(path, options = {}, beforeEach = () => {}) {
    const send = async () => {
      const token = await whole();
      beforeEach();
      const headers = { ...options.headers, Authorization: `Bearer ${token}` };
      return fetch(tester.root.dataset.path + path, { ...options, headers, credentials: "omit", cache: "no-store" });
    };
    const used = await whole();
    const answer = await send();
    if (answer.status !== 401) return answer;
    forget();
    return (await whole()) === used ? answer : send();
  }

  tester.token = { whole, forget, call, TokenTrouble };
})();
