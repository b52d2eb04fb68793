// What the examples find in a page in place of Node's: arguments from the address, an exit, and `ws`.

export const process = {
  argv: ['', '', ...new URLSearchParams(globalThis.location?.search).getAll('argument')],
  env: {},
  exit: (code) => console.log(JSON.stringify({ exit: code })),
};
export default globalThis.WebSocket;
