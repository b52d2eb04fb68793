// Who is signed in. The token is kept where the playground keeps it, so that both pages know it. Another one that is
// put there meanwhile is for the next visit: what this page shows and what it does are of one user.

const KEPT = "lookreel:authorization";

let token = localStorage.getItem(KEPT);

export const session = { viewer: null };
/** What the page does when somebody has signed out, and when the balance is another one. */
export const on = { signedOut() {}, balanceChanged() {} };

export function authorization() {
  return /^Bearer\s+\S/i.test(token ?? "") ? token : null;
}

/** Keep a token; a pasted one may have "Bearer " before it, or be the playground's JSON. */
export function signIn(text) {
  const [found] = text.match(/[\w-]+\.[\w-]+\.[\w-]+/) ?? [];
  if (!found) return false;
  localStorage.setItem(KEPT, (token = `Bearer ${found}`));
  return true;
}

export function signOut(reason = "") {
  if (localStorage.getItem(KEPT) === token) localStorage.removeItem(KEPT);
  token = null;
  session.viewer = null;
  on.signedOut(reason);
}

/** The address at which this server signs in the demo user, if there is one. */
export const demoAddress = () => document.querySelector('meta[name="demo"]')?.content;

// Whoever signs out does so everywhere.
window.addEventListener("storage", () => token && localStorage.getItem(KEPT) === null && signOut());
