import { messageSizeMax, type ServerCapabilities } from './capabilities.js';
import type { SmtpReply } from './replies.js';

/** One message to be sent: `from` may be empty, `size` is in bytes, the last two say what the message needs. */
export interface Envelope {
  readonly from: string;
  readonly to: readonly string[];
  readonly size?: number | undefined;
  readonly body8bit: boolean;
  readonly smtputf8: boolean;
}

/** Why an envelope is not sent to this server; `stage` is the command that would have carried it. */
export interface EnvelopeRefusal {
  readonly stage: 'mail' | 'rcpt';
  readonly reason: string;
}

const addressLengthMax = 1000;

/** What is wrong with the envelope as a whole, or with the server for it; null when it can be sent. */
export function refusalOf(envelope: Envelope, server: ServerCapabilities): EnvelopeRefusal | null {
  const sizeMax = messageSizeMax(server);
  const wrongSender = envelope.from === '' ? null : wrongAddress(envelope.from, envelope.smtputf8);
  if (wrongSender !== null) return { stage: 'mail', reason: `the sender's address ${wrongSender}` };
  if (envelope.smtputf8 && !server.keywords.has('SMTPUTF8')) {
    return { stage: 'mail', reason: 'the server does not offer SMTPUTF8, which the message needs' };
  }
  if (envelope.body8bit && !server.keywords.has('8BITMIME')) {
    return { stage: 'mail', reason: 'the server does not offer 8BITMIME, which the message needs' };
  }
  if (sizeMax !== null && envelope.size !== undefined && envelope.size > sizeMax) {
    return { stage: 'mail', reason: `the message has ${envelope.size} bytes and the server takes ${sizeMax}` };
  }
  return null;
}

/** The reply that we give ourselves for a recipient that cannot be written to a server; null when it can. */
export function refusalOfRecipient(address: string, smtputf8: boolean): SmtpReply | null {
  const wrong = address === '' ? 'is empty' : wrongAddress(address, smtputf8);
  return wrong === null ? null : { code: 553, enhanced: '5.1.3', text: `the recipient's address ${wrong}` };
}

/** MAIL with the parameters the server offers, CRLF included. The envelope must have passed `refusalOf`. */
export function mailCommand(envelope: Envelope, server: ServerCapabilities): string {
  const size = envelope.size !== undefined && server.keywords.has('SIZE') ? ` SIZE=${envelope.size}` : '';
  const body = envelope.body8bit ? ' BODY=8BITMIME' : '';
  const utf8 = envelope.smtputf8 ? ' SMTPUTF8' : '';
  return `MAIL FROM:<${envelope.from}>${size}${body}${utf8}\r\n`;
}

/** RCPT, CRLF included. The address must have passed `refusalOfRecipient`. */
export function rcptCommand(address: string): string {
  return `RCPT TO:<${address}>\r\n`;
}

/**
 * What is wrong with an address that is to stand between `<` and `>`; null when nothing is.
 * RFC 5321 §4.1.2: spaces and specials only within quotes, control characters nowhere.
 */
function wrongAddress(address: string, smtputf8: boolean): string | null {
  if (Buffer.byteLength(address) > addressLengthMax) return `has more than ${addressLengthMax} bytes`;
  if (/[\u0000-\u001f\u007f-\u009f]/.test(address)) return 'holds control characters';
  if (/\p{Surrogate}/u.test(address)) return 'is no valid Unicode';
  if (!smtputf8 && /[^\u0000-\u007f]/.test(address)) return 'is not ASCII, and the message does not ask for SMTPUTF8';
  const bare = address.replaceAll(/"(?:[^"\\]|\\.)*"/g, '');
  if (bare.includes('"')) return 'has a quote that is not closed';
  return /[\s<>\\]/.test(bare) ? 'holds characters that must stand in quotes' : null;
}
