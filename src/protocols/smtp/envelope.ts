import { messageSizeMax, type ServerCapabilities } from './capabilities.js';
import type { SmtpReply } from './replies.js';

/** A recipient; `notify` and `orcpt` are the values of its DSN parameters (RFC 3461) as the client wrote them. */
export interface EnvelopeRecipient {
  readonly address: string;
  readonly notify: string | null;
  readonly orcpt: string | null;
}

/**
 * One message to be sent: `from` may be empty, `size` is in bytes, `body8bit` and `smtputf8` say what the message
 * needs, `ret` and `envid` are the values of its DSN parameters as the client wrote them.
 */
export interface Envelope {
  readonly from: string;
  readonly to: readonly EnvelopeRecipient[];
  readonly size?: number | undefined;
  readonly body8bit: boolean;
  readonly smtputf8: boolean;
  readonly ret: string | null;
  readonly envid: string | null;
}

/** Why an envelope is not sent, in a reply of ours; `message`: to no server, `server`: not to this one. */
export interface EnvelopeRefusal {
  readonly scope: 'message' | 'server';
  readonly reply: SmtpReply;
}

const addressLengthMax = 1000;
const parameterLengthMax = 500;
// RFC 5321 §4.1.2: what needs no quotes anywhere in a path.
const plainAddress = /^[!#-;=?-[\]-~]{1,1000}$/;

/** What is wrong with the envelope as a whole, or with the server for it; null when it can be sent. */
export function refusalOf(envelope: Envelope, server: ServerCapabilities): EnvelopeRefusal | null {
  const { from, ret, envid, smtputf8, body8bit, size } = envelope;
  const wrong = from === '' ? null : wrongAddress(from, smtputf8);
  if (wrong !== null) return refusal('message', 553, '5.1.7', `The sender's address ${wrong}`);
  if (!isParameter(ret, smtputf8) || !isParameter(envid, smtputf8)) {
    return refusal('message', 501, '5.5.4', 'A parameter of MAIL holds what it must not');
  }
  const sizeMax = messageSizeMax(server);
  if (sizeMax !== null && size !== undefined && size > sizeMax) {
    return refusal('server', 552, '5.3.4', `The next server takes messages of ${sizeMax} bytes at most`);
  }
  if (body8bit && !server.keywords.has('8BITMIME')) {
    return refusal('server', 554, '5.6.3', 'The next server does not take 8-bit messages');
  }
  // RFC 6531 §3.5
  if (smtputf8 && !server.keywords.has('SMTPUTF8')) {
    return refusal('server', 550, '5.6.7', 'The next server does not take addresses beyond ASCII');
  }
  return null;
}

/** The reply that we give ourselves for a recipient that cannot be written to a server; null when it can. */
export function refusalOfRecipient(recipient: EnvelopeRecipient, smtputf8: boolean): SmtpReply | null {
  const { address, notify, orcpt } = recipient;
  const wrong = address === '' ? 'is empty' : wrongAddress(address, smtputf8);
  if (wrong !== null) return { code: 553, enhanced: '5.1.3', text: `the recipient's address ${wrong}` };
  return isParameter(notify, smtputf8) && isParameter(orcpt, smtputf8)
    ? null
    : { code: 501, enhanced: '5.5.4', text: 'a parameter of RCPT holds what it must not' };
}

/** MAIL with the parameters the server offers, CRLF included. The envelope must have passed `refusalOf`. */
export function mailCommand(envelope: Envelope, server: ServerCapabilities): string {
  const { keywords } = server;
  const size = envelope.size !== undefined && keywords.has('SIZE') ? ` SIZE=${envelope.size}` : '';
  const body = envelope.body8bit ? ' BODY=8BITMIME' : '';
  const utf8 = envelope.smtputf8 ? ' SMTPUTF8' : '';
  return `MAIL FROM:<${envelope.from}>${size}${body}${utf8}${dsnOfMail(envelope, server)}\r\n`;
}

/** RCPT with the parameters the server offers, CRLF included. It must have passed `refusalOfRecipient`. */
export function rcptCommand(recipient: EnvelopeRecipient, server: ServerCapabilities): string {
  const { address, notify, orcpt } = recipient;
  if ((notify === null && orcpt === null) || !server.keywords.has('DSN')) return `RCPT TO:<${address}>\r\n`;
  return `RCPT TO:<${address}>${parameter('NOTIFY', notify)}${parameter('ORCPT', orcpt)}\r\n`;
}

function dsnOfMail({ ret, envid }: Envelope, server: ServerCapabilities): string {
  if ((ret === null && envid === null) || !server.keywords.has('DSN')) return '';
  return parameter('RET', ret) + parameter('ENVID', envid);
}

const parameter = (name: string, value: string | null): string => (value === null ? '' : ` ${name}=${value}`);

/** Whether it can stand as an esmtp-value (RFC 5321 §4.1.2, RFC 6531 §3.3), null too. */
function isParameter(value: string | null, smtputf8: boolean): boolean {
  if (value === null || /^[!-<>-~]{1,500}$/.test(value)) return true;
  return smtputf8 && value.length <= parameterLengthMax && /^[!-<>-~\u00a1-\uffff]+$/.test(value) && isUnicode(value);
}

/**
 * What is wrong with an address that is to stand between `<` and `>`; null when nothing is.
 * RFC 5321 §4.1.2: spaces and specials only within quotes, control characters nowhere.
 */
function wrongAddress(address: string, smtputf8: boolean): string | null {
  if (plainAddress.test(address)) return null;
  if (Buffer.byteLength(address) > addressLengthMax) return `has more than ${addressLengthMax} bytes`;
  if (/[\u0000-\u001f\u007f-\u009f]/.test(address)) return 'holds control characters';
  if (!isUnicode(address)) return 'is no valid Unicode';
  if (!smtputf8 && /[^\u0000-\u007f]/.test(address)) return 'is not ASCII, and the message does not ask for SMTPUTF8';
  const bare = address.replaceAll(/"(?:[^"\\]|\\.)*"/g, '');
  if (bare.includes('"')) return 'has a quote that is not closed';
  return /[\s<>\\]/.test(bare) ? 'holds characters that must stand in quotes' : null;
}

const isUnicode = (text: string): boolean => !/\p{Surrogate}/u.test(text);

function refusal(scope: EnvelopeRefusal['scope'], code: number, enhanced: string, text: string): EnvelopeRefusal {
  return { scope, reply: { code, enhanced, text } };
}
