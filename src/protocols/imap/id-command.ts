import type { ServerDialogueOptions } from '../sasl/login-protocol.js';
import { quoted } from './syntax.js';

/** Tells a server that trusts us where the client is (RFC 2971; the field names Dovecot and Zimbra know). */
export function idCommand(tag: string, client: NonNullable<ServerDialogueOptions['clientAddress']>): string {
  const fields = ['x-originating-ip', client.address, 'x-originating-port', String(client.port)];
  return `${tag} ID (${fields.map(quoted).join(' ')})\r\n`;
}
