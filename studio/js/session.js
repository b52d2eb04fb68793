// Who is signed in. The token is kept where the playground keeps it, so that both pages know it.

const KEPT = "lookreel:authorization";
const changes = new EventTarget();

export const session = { viewer: null };

export function authorization() {
  const kept = localStorage.getItem(KEPT);
  return /^Bearer\s+\S/i.test(kept ?? "") ? kept : null;
}

/** Keep a token; a pasted one may have "Bearer " before it, or be the playground's JSON. */
export function signIn(text) {
  const [token] = text.match(/[\w-]+\.[\w-]+\.[\w-]+/) ?? [];
  if (!token) return false;
  localStorage.setItem(KEPT, `Bearer ${token}`);
  return true;
}

export function signOut(reason = "") {
  localStorage.removeItem(KEPT);
  session.viewer = null;
  changes.dispatchEvent(new CustomEvent("out", { detail: reason }));
}

export function onSignedOut(listener) {
  changes.addEventListener("out", (event) => listener(event.detail));
}

export function onBalance(listener) {
  changes.addEventListener("balance", () => listener());
}

/** Tell that the balance is another one now. */
export function balanceChanged() {
  changes.dispatchEvent(new Event("balance"));
}

/** The address at which this server signs in the demo user, or null where there is none. */
export function demoAddress() {
  return document.querySelector('meta[name="demo"]')?.content ?? null;
}
