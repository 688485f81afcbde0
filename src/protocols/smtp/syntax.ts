import { Buffer, isUtf8 } from 'node:buffer';
import { type ParameterOffer, readParameters } from './address-parameters.js';
import { clientReplies } from './client-replies.js';
import type { AddressCommand } from './client-step.js';
import type { SmtpReply } from './replies.js';

const verbs = [
  'EHLO',
  'HELO',
  'MAIL',
  'RCPT',
  'DATA',
  'BDAT',
  'RSET',
  'NOOP',
  'QUIT',
  'HELP',
  'VRFY',
  'EXPN',
  'AUTH',
  'STARTTLS',
  'XCLIENT',
] as const;

export type Verb = (typeof verbs)[number];

export interface Command {
  readonly kind: 'command';
  readonly verb: Verb;
  /** What follows the verb, without the spaces around it. */
  readonly argument: string;
}

export type ParsedCommand = Command | { readonly kind: 'refused'; readonly reply: SmtpReply };

export type ParsedAddress =
  | { readonly kind: 'address'; readonly command: AddressCommand }
  | { readonly kind: 'refused'; readonly reply: SmtpReply };

const knownVerbs: ReadonlySet<string> = new Set(verbs);
const addressLengthMax = 998;
const from = /^FROM: */i;
const to = /^TO: */i;
const control = /[\u0000-\u001f\u007f]/;
const laterControl = /[\u0080-\u009f]/;
const notAscii = /[^\u0000-\u007f]/;

/**
 * The path of RFC 5321 §4.1.2: an address in angle brackets, spaces and specials in quotes only. A source route
 * (`@a,@b:`) before it is left out, as §4.1.1.3 and appendix C allow.
 */
const path =
  /<(?:@(?:\[[^\s<>\]]*\]|[^\s<>:,"\\[\]]+)(?:,@(?:\[[^\s<>\]]*\]|[^\s<>:,"\\[\]]+))*:)?((?:"(?:[^"\\]|\\.)*"|[^\s"\\<>])*)>/y;

/** Reads a command line. @param line without its CRLF, a character a byte */
export function parseCommand(line: string): ParsedCommand {
  if (control.test(line)) return refused(clientReplies.badLine);
  const text = notAscii.test(line) ? decodeUtf8(line) : line;
  if (text === undefined) return refused(clientReplies.notUtf8);
  const space = text.indexOf(' ');
  const verb = (space < 0 ? text : text.slice(0, space)).toUpperCase();
  if (!isVerb(verb)) return refused(clientReplies.unknown);
  return { kind: 'command', verb, argument: space < 0 ? '' : text.slice(space + 1).trim() };
}

/** Reads what follows MAIL or RCPT. */
export function parseAddress(argument: string, offer: ParameterOffer): ParsedAddress {
  const begin = (offer.verb === 'mail' ? from : to).exec(argument)?.[0].length;
  if (begin === undefined) return refused(clientReplies.syntax);
  path.lastIndex = begin;
  const match = path.exec(argument);
  const address = match?.[1];
  if (match === null || address === undefined || !isAddress(address, offer.verb)) {
    return refused(clientReplies.badAddress[offer.verb]);
  }
  const rest = argument.slice(begin + match[0].length);
  if (rest !== '' && !rest.startsWith(' ')) return refused(clientReplies.syntax);
  const read = readParameters(rest, offer);
  if (read.kind === 'refused') return read;
  const { parameters } = read;
  // RFC 6531 §3.4: also with MAIL itself the parameter allows such addresses.
  const isAllowed = offer.utf8 === 'allowed' || parameters['SMTPUTF8'] === true;
  if (!isAllowed && notAscii.test(match[0])) return refused(clientReplies.smtputf8Needed);
  return { kind: 'address', command: { address, parameters } };
}

/** The octets of a BDAT, which may be more than a number can hold exactly; undefined when it does not say. */
export function parseChunk(argument: string): { readonly octets: number; readonly isLast: boolean } | undefined {
  const [, digits, last] = /^(\d{1,20})( +LAST)?$/i.exec(argument) ?? [];
  return digits === undefined ? undefined : { octets: Number(digits), isLast: last !== undefined };
}

/** AUTH: the mechanism in upper case and the initial response; RFC 4954 §4: `=` is an empty one. */
export function parseAuth(argument: string): { readonly name: string; readonly initial: string | null } | undefined {
  const [name, initial = null, ...others] = argument.split(/ +/);
  if (name === undefined || name === '' || others.length > 0) return undefined;
  return { name: name.toUpperCase(), initial: initial === '=' ? '' : initial };
}

function isAddress(address: string, verb: 'mail' | 'rcpt'): boolean {
  if (address === '') return verb === 'mail';
  if (address.startsWith('@') || address.endsWith('@')) return false;
  return Buffer.byteLength(address) <= addressLengthMax && !laterControl.test(address);
}

function decodeUtf8(line: string): string | undefined {
  const bytes = Buffer.from(line, 'latin1');
  return isUtf8(bytes) ? bytes.toString('utf8') : undefined;
}

function isVerb(text: string): text is Verb {
  return knownVerbs.has(text);
}

function refused(reply: SmtpReply): { readonly kind: 'refused'; readonly reply: SmtpReply } {
  return { kind: 'refused', reply };
}
