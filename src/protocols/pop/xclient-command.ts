import type { ClientOrigin } from '../sasl/login-protocol.js';

/** An address in digits, without a zone. */
const plainAddress = /^[0-9A-Fa-f:.]{2,45}$/;
/** Dovecot takes no longer ones. */
const plainSessionId = /^[!-~]{1,64}$/;

/** Dovecot's XCLIENT of POP3, which takes an IPv6 address as it is, without `IPV6:`. What does not fit is left out. */
export function xclientCommand(client: ClientOrigin): string {
  const attributes = [`TTL=${Math.max(0, Math.trunc(client.proxyTtl))}`];
  if (plainSessionId.test(client.sessionId)) attributes.unshift(`SESSION=${client.sessionId}`);
  if (plainAddress.test(client.address)) attributes.unshift(`ADDR=${client.address}`, `PORT=${client.port}`);
  return `XCLIENT ${attributes.join(' ')}\r\n`;
}
