import { Buffer } from 'node:buffer';
import { viaParametersAt } from './read-vias.js';
import { trimmed } from './scan-address.js';
import { scanParameter } from './scan-parameter.js';
import type { SipRequest, SipResponse, SipVia } from './sip-message.js';

/** Where a request came from, and the tag of our responses to it. */
export interface ResponseOrigin {
  /** The address that the request came from, IPv6 without brackets. */
  readonly received: string;
  /** Its port. */
  readonly rport: number;
  /** A token; added to To where the request has no tag. */
  readonly toTag: string;
}

/** What a response has at most beyond its request's `totalBytes`, its status line and fields of our own. */
export const responseGrowthBytesMax = 1024;

const lineEnds = /[\r\n]+/g;
const notInLine = /[\x00-\x08\x0a-\x1f\x7f]/g;
const beyondAscii = /[^\x00-\x7f]/;
const token = /^[A-Za-z0-9.!%*_+`'~-]+$/;

/**
 * The bytes of a response: of the request it repeats Via, From, To, Call-ID and CSeq, as far as they are there, and
 * nothing else. It has no body. Characters of our own values that cannot stand in a line are spaces; UTF-8 may.
 * @throws {Error} when the name of a field of our own or the tag is no token
 */
export function writeResponse(request: SipRequest, response: SipResponse, origin: ResponseOrigin): Buffer {
  const { code, reason, fields } = response;
  let text = `SIP/2.0 ${code} ${ownText(reason)}\r\n`;
  const [top, ...others] = request.vias;
  if (top !== undefined) text += `Via: ${repeated(completeVia(top, origin))}\r\n`;
  for (const via of others) text += `Via: ${repeated(via.text)}\r\n`;
  if (request.from.text !== '') text += `From: ${repeated(request.from.text)}\r\n`;
  if (request.to.text !== '') text += `To: ${repeated(request.to.text)}${tagSuffix(request, code, origin.toTag)}\r\n`;
  if (request.callId !== '') text += `Call-ID: ${repeated(request.callId)}\r\n`;
  const cseq = request.fields.find(({ name }) => name === 'cseq');
  if (cseq !== undefined) text += `CSeq: ${repeated(cseq.value)}\r\n`;
  for (const { name, value } of fields) {
    if (!token.test(name)) throw new Error('the name of a field is no token');
    text += `${name}: ${ownText(value)}\r\n`;
  }
  return Buffer.from(`${text}Content-Length: 0\r\n\r\n`, 'latin1');
}

// RFC 3261 §8.2.6.2: 100 repeats To as it is; others have a tag.
function tagSuffix(request: SipRequest, code: number, toTag: string): string {
  if (code === 100 || request.to.parameters.has('tag')) return '';
  if (!token.test(toTag)) throw new Error('the tag is no token');
  return `;tag=${toTag}`;
}

// RFC 3261 §18.2.1: received where the sender's word is not the address that it came from. RFC 3581 §4: where rport is
// asked for, both are told. What the sender itself wrote there is not its to write.
function completeVia(via: SipVia, { received, rport }: ResponseOrigin): string {
  const { text, host, wantsRport } = via;
  const address = plainAddress(received);
  const isTold = wantsRport || plainAddress(host.replace(/[[\]]/g, '')) !== address;
  if (!isTold && !/received/i.test(text)) return text;
  let at = viaParametersAt(text);
  let completed = at === -1 ? text : trimmed(text, 0, at);
  while (at !== -1 && at < text.length) {
    const parameter = scanParameter(text, at);
    if (parameter === null) break;
    if (parameter.name === 'rport' && parameter.value === null) completed += `;rport=${rport}`;
    else if (parameter.name !== 'received') completed += trimmed(text, at, parameter.end);
    at = parameter.end;
  }
  return isTold ? `${completed};received=${address}` : completed;
}

/** An IPv4 address that an IPv6 socket saw as what it is, and no zone. */
function plainAddress(address: string): string {
  const lower = address.toLowerCase();
  const bare = lower.startsWith('::ffff:') && lower.includes('.') ? lower.slice(7) : lower;
  return bare.includes('%') ? bare.slice(0, bare.indexOf('%')) : bare;
}

/** What was sent stays byte by byte, but for a CR or LF that stood alone. */
function repeated(text: string): string {
  return text.includes('\r') || text.includes('\n') ? text.replace(lineEnds, ' ') : text;
}

/** UTF-8 in the Latin-1 that everything is written in. */
function ownText(text: string): string {
  const line = text.replace(notInLine, ' ');
  return beyondAscii.test(line) ? Buffer.from(line, 'utf8').toString('latin1') : line;
}
