import { readAddress, readAddresses } from './addresses.js';
import { fieldNameOf } from './field-name.js';
import { readVias } from './read-vias.js';
import { trimmed } from './scan-address.js';
import { sipLimits } from './sip-limits.js';
import type { SipAddress, SipField, SipVia } from './sip-message.js';
import { type HeadFault, readStartLine, type StartLine } from './start-line.js';

/** What a message says about its body: how long it is, that it says nothing, or something that is no length. */
export type BodyLength =
  | { readonly kind: 'known'; readonly bytes: number }
  | { readonly kind: 'untold' }
  | { readonly kind: 'malformed' };

/** Start line and fields of a message, as far as they could be read; what is missing is null. */
export interface ParsedHead {
  readonly start: StartLine;
  readonly fields: readonly SipField[];
  readonly vias: readonly SipVia[];
  readonly from: SipAddress | null;
  readonly to: SipAddress | null;
  readonly callId: string | null;
  readonly cseq: { readonly number: number; readonly method: string } | null;
  readonly maxForwards: number | null;
  readonly bodyLength: BodyLength;
  /** What is wrong first. */
  readonly fault: HeadFault | null;
}

type Draft = { -readonly [Key in keyof ParsedHead]: ParsedHead[Key] } & { fields: SipField[]; vias: SipVia[] };

const untold: BodyLength = { kind: 'untold' };
const malformedLength: BodyLength = { kind: 'malformed' };
const emptyBody: BodyLength = { kind: 'known', bytes: 0 };
const nothing: ReadonlyMap<string, string> = new Map();

// RFC 3261 §8.1.1.5.
const cseqNumberMax = 2 ** 31 - 1;
const maxForwardsMax = 255;

/** A 400 whose reason phrase says what is wrong. */
export function badRequest(what: string): HeadFault {
  return { code: 400, reason: `Bad Request: ${what}` };
}

/**
 * Takes a head apart, in Latin-1, each line with its CRLF but without the empty line; nothing of it is checked that is
 * of no use to who answers. Returns the reason when it is no SIP or beyond the limits.
 */
export function parseHead(text: string): ParsedHead | string {
  const firstEnd = text.indexOf('\r\n');
  const start = firstEnd === -1 ? null : readStartLine(text.slice(0, firstEnd));
  if (start === null) return 'no SIP';
  const draft: Draft = {
    start,
    fields: [],
    vias: [],
    from: null,
    to: null,
    callId: null,
    cseq: null,
    maxForwards: null,
    bodyLength: untold,
    fault: start.fault,
  };
  const excess = readFields(text, firstEnd + 2, draft);
  if (excess !== null) return excess;
  draft.fault ??= faultOfWhole(draft);
  return draft;
}

/** Returns what is too much, or what leaves nobody to answer. */
function readFields(text: string, from: number, draft: Draft): string | null {
  let at = from;
  let count = 0;
  while (at < text.length) {
    let end = text.indexOf('\r\n', at);
    if (end === -1) end = text.length;
    let isFolded = false;
    // RFC 3261 §7.3.1: a line that begins with white space goes on with the one before.
    while (isBlankAt(text, end + 2)) {
      isFolded = true;
      const next = text.indexOf('\r\n', end + 2);
      end = next === -1 ? text.length : next;
    }
    if (end - at > sipLimits.fieldBytesMax) return 'a field is too long';
    // Lines that are no fields too: each is looked through for its colon.
    if (count === sipLimits.fieldsMax) return 'too many fields';
    count += 1;
    readField(text, at, end, isFolded, draft);
    if (draft.vias.length === 0 && draft.fields.at(-1)?.name === 'via') return 'the topmost Via is malformed';
    if (draft.vias.length > sipLimits.viasMax) return 'too many Via values';
    at = end + 2;
  }
  return null;
}

function readField(text: string, from: number, end: number, isFolded: boolean, draft: Draft): void {
  const colon = text.indexOf(':', from);
  // RFC 3261 §7.3.1: white space may stand before the colon.
  const name = colon === -1 || colon > end ? null : fieldNameOf(trimmed(text, from, colon));
  if (name === null) {
    draft.fault ??= badRequest('a line is no field');
    return;
  }
  const sent = trimmed(text, colon + 1, end);
  const value = isFolded ? unfolded(sent) : sent;
  if (hasLoneLineEnd(value)) draft.fault ??= badRequest('a CR or an LF stands alone');
  draft.fields.push({ name, value });
  takeValue(name, value, draft);
}

function unfolded(sent: string): string {
  const joined = sent.replace(/\r\n[ \t]+/g, ' ');
  return trimmed(joined, 0, joined.length);
}

function isBlankAt(text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  return code === 0x20 || code === 0x09;
}

function hasLoneLineEnd(text: string): boolean {
  return text.includes('\n') || text.includes('\r');
}

function takeValue(name: string, value: string, draft: Draft): void {
  switch (name) {
    case 'via': {
      const fault = readVias(value, draft.vias);
      if (fault !== null) draft.fault ??= badRequest(fault);
      return;
    }
    case 'from':
      draft.from = takeAddress(draft.from, value, 'From', draft);
      return;
    case 'to':
      draft.to = takeAddress(draft.to, value, 'To', draft);
      return;
    case 'call-id':
      return takeCallId(value, draft);
    case 'cseq':
      return takeCseq(value, draft);
    case 'max-forwards':
      return takeMaxForwards(value, draft);
    case 'content-length':
      return takeContentLength(value, draft);
    case 'contact':
      // RFC 3261 §20.10: * stands alone.
      if (value !== '*' && draft.start.kind === 'request' && readAddresses(value) === null) {
        draft.fault ??= badRequest('Contact is malformed');
      }
      return;
    default:
      return;
  }
}

/** The first stays; a malformed one keeps its text, so that it can be repeated. */
function takeAddress(before: SipAddress | null, value: string, name: string, draft: Draft): SipAddress {
  if (before !== null) {
    draft.fault ??= badRequest(`${name} is given twice`);
    return before;
  }
  const address = readAddress(value);
  if (address !== null) return address;
  draft.fault ??= badRequest(`${name} is malformed`);
  return { uri: '', parameters: nothing, text: value };
}

function takeCallId(value: string, draft: Draft): void {
  if (draft.callId !== null) {
    draft.fault ??= badRequest('Call-ID is given twice');
    return;
  }
  draft.callId = value;
  if (!/^[\x21-\x7e\x80-\xff]+$/.test(value)) draft.fault ??= badRequest('Call-ID is malformed');
}

function takeCseq(value: string, draft: Draft): void {
  if (draft.cseq !== null) {
    draft.fault ??= badRequest('CSeq is given twice');
    return;
  }
  const [, digits, method] = /^(\d+)[ \t]+([A-Za-z0-9.!%*_+`'~-]+)$/.exec(value) ?? [];
  const number = Number(digits ?? 0);
  const isSane = method !== undefined && number <= cseqNumberMax;
  draft.cseq = { number: isSane ? number : 0, method: method ?? '' };
  if (isSane) return;
  draft.fault ??= badRequest(method === undefined ? 'CSeq is malformed' : 'the CSeq number is too large');
}

function takeMaxForwards(value: string, draft: Draft): void {
  if (draft.maxForwards !== null) {
    draft.fault ??= badRequest('Max-Forwards is given twice');
    return;
  }
  const isNumber = /^\d+$/.test(value);
  const number = Number(value);
  draft.maxForwards = isNumber ? Math.min(number, maxForwardsMax) : 0;
  if (!isNumber) draft.fault ??= badRequest('Max-Forwards is no number');
  else if (number > maxForwardsMax) draft.fault ??= badRequest('Max-Forwards is too large');
}

function takeContentLength(value: string, draft: Draft): void {
  if (draft.bodyLength !== untold) {
    draft.bodyLength = malformedLength;
    draft.fault ??= badRequest('Content-Length is given twice');
  } else if (/^\d+$/.test(value)) {
    const bytes = Number(value);
    draft.bodyLength = bytes === 0 ? emptyBody : { kind: 'known', bytes };
  } else {
    draft.bodyLength = malformedLength;
    draft.fault ??= badRequest('Content-Length is no number');
  }
}

// RFC 4475 §3.1.2.18: a method that is not known is refused as that, whatever its CSeq says.
const knownMethods: ReadonlySet<string> = new Set(
  'INVITE ACK BYE CANCEL OPTIONS REGISTER PRACK SUBSCRIBE NOTIFY PUBLISH INFO REFER MESSAGE UPDATE'.split(' '),
);

// RFC 3261 §8.1.1: what every request has. Max-Forwards was not in RFC 2543 (RFC 4475 §3.4.1).
function faultOfWhole(draft: Draft): HeadFault | null {
  if (draft.vias.length === 0) return badRequest('Via is missing');
  if (draft.from === null) return badRequest('From is missing');
  if (draft.to === null) return badRequest('To is missing');
  if (draft.callId === null) return badRequest('Call-ID is missing');
  if (draft.cseq === null) return badRequest('CSeq is missing');
  if (draft.start.kind === 'response' || draft.cseq.method === draft.start.method) return null;
  if (!knownMethods.has(draft.start.method)) return { code: 501, reason: 'Not Implemented' };
  return badRequest('CSeq has another method');
}
