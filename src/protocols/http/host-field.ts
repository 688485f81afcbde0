// RFC 9110 §7.2, RFC 3986 §3.2.2: of the host names those of the DNS alone; the other characters that the grammar has
// (commas, quotes, percent signs) are in no name that is ours, and readers take them in different ways.
const hostAndPort = /^(?:\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9._~-]{1,255})(?::[0-9]{1,5})?$/;

/** Whether text is a host name or an address, in brackets when it has colons, with or without a port. */
export function isHost(text: string): boolean {
  return hostAndPort.test(text);
}
