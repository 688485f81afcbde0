import { readSipMessage } from '../../../src/protocols/sip/read-message.js';
import type { SipRequest } from '../../../src/protocols/sip/sip-message.js';

/** The fields of an INVITE as a gateway sends it, by name; what is given replaces or is added, null leaves out. */
export function inviteText(changes: Readonly<Record<string, string | null>> = {}, body = ''): string {
  const fields: Record<string, string | null> = {
    Via: 'SIP/2.0/UDP 10.9.9.9:5060;branch=z9hG4bK776asdhds;rport',
    'Max-Forwards': '70',
    To: '<sip:5000@usher.example.com>',
    From: '"Gateway" <sip:4001@10.9.9.9>;tag=1928301774',
    'Call-ID': 'a84b4c76e66710@10.9.9.9',
    CSeq: '314159 INVITE',
    Contact: '<sip:4001@10.9.9.9:5060>',
    'Content-Length': String(body.length),
    ...changes,
  };
  const lines = Object.entries(fields).flatMap(([name, value]) => (value === null ? [] : [`${name}: ${value}\r\n`]));
  return `INVITE sip:5000@usher.example.com SIP/2.0\r\n${lines.join('')}\r\n${body}`;
}

/** The request that a text is, refused or not. */
export function requestOf(text: string): SipRequest {
  const reading = readSipMessage(Buffer.from(text, 'latin1'));
  if (reading.kind === 'request' || reading.kind === 'refused') return reading.request;
  throw new Error(`no request but ${reading.kind}`);
}
