// Who is signed in. The token is kept where the playground keeps it, so that both pages know it.

const KEPT = "lookreel:authorization";

export const session = { viewer: null };
/** What the page does when somebody has signed out, and when the balance is another one. */
export const on = { signedOut() {}, balanceChanged() {} };

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
  on.signedOut(reason);
}

/** The address at which this server signs in the demo user, if there is one. */
export const demoAddress = () => document.querySelector('meta[name="demo"]')?.content;
