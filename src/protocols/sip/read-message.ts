import { Buffer } from 'node:buffer';
import { badRequest, type ParsedHead, parseHead } from './parse-head.js';
import { sipLimits } from './sip-limits.js';
import type { SipAddress, SipReading, SipRequest } from './sip-message.js';
import type { HeadFault } from './start-line.js';

const emptyLine = Buffer.from('\r\n\r\n', 'latin1');
const carriageReturn = 0x0d;
const lineFeed = 0x0a;

const garbage = (reason: string): SipReading => ({ kind: 'garbage', reason });
const keepAlive = garbage('keep-alive');
const tooLarge = garbage('the message is too large');
const headTooLarge = garbage('the header is too large');
const noAddress: SipAddress = { uri: '', parameters: new Map(), text: '' };

/**
 * Reads one whole message, as a datagram has it. What follows a body of the length that is told is left aside.
 * `refused` has a short reason phrase; of its request, what the sender left out is empty and not repeated. It is never
 * an ACK, which nothing answers.
 */
export function readSipMessage(bytes: Buffer): SipReading {
  if (bytes.length > sipLimits.messageBytesMax) return tooLarge;
  const start = afterEmptyLines(bytes);
  if (start === bytes.length) return keepAlive;
  const place = bytes.indexOf(emptyLine, start);
  const headEnd = place === -1 ? bytes.length : place + emptyLine.length;
  if (headEnd - start > sipLimits.headBytesMax) return headTooLarge;
  const head = parseHead(bytes.toString('latin1', start, place === -1 ? headEnd : place + 2));
  if (typeof head === 'string') return garbage(head);
  const headBytes = headEnd - start;
  const restBytes = bytes.length - headEnd;
  if (place === -1) return readingOf(head, headBytes, badRequest('no empty line ends the fields'));
  if (head.bodyLength.kind !== 'known') return readingOf(head, headBytes + restBytes, null);
  // RFC 3261 §18.3.
  if (head.bodyLength.bytes > restBytes) {
    return readingOf(head, headBytes + restBytes, badRequest('Content-Length is larger than the message'));
  }
  return readingOf(head, headBytes + head.bodyLength.bytes, null);
}

/** What a head comes to. `framingFault`: what is wrong with the message besides its head. */
export function readingOf(head: ParsedHead, totalBytes: number, framingFault: HeadFault | null): SipReading {
  const { start, vias } = head;
  const fault = head.fault ?? framingFault;
  if (start.kind === 'response') {
    return fault === null ? { kind: 'response', code: start.code } : garbage(`response: ${fault.reason}`);
  }
  const request: SipRequest = {
    method: start.method,
    uri: start.uri,
    fields: head.fields,
    vias,
    from: head.from ?? noAddress,
    to: head.to ?? noAddress,
    callId: head.callId ?? '',
    cseq: head.cseq ?? { number: 0, method: start.method },
    maxForwards: head.maxForwards,
    totalBytes,
  };
  if (fault === null) return { kind: 'request', request };
  if (start.method === 'ACK') return garbage(`ACK: ${fault.reason}`);
  if (vias.length === 0) return garbage(`nowhere to answer to: ${fault.reason}`);
  return { kind: 'refused', request, code: fault.code, reason: fault.reason };
}

/** Where the start line begins: CRLFs before it are ignored (RFC 3261 §7.5). */
export function afterEmptyLines(bytes: Buffer): number {
  let start = 0;
  while (bytes[start] === carriageReturn && bytes[start + 1] === lineFeed) start += 2;
  return start;
}
