import { connectionOptions } from './connection-options.js';
import { isNamed } from './field-names.js';
import { isRefusal, readFieldSection, type SectionLimits } from './field-section.js';
import { type FramingFault, toldFraming } from './framing-fields.js';
import { isHost } from './host-field.js';
import type { BodyFraming, FieldLines, Refusal, RequestHead } from './http-message.js';

const refuse = (status: number, text: string): Refusal => ({ status, text });

const malformedLine = refuse(400, 'the request line is malformed');
const malformedTarget = refuse(400, 'the request target is malformed');
const otherVersion = refuse(505, 'HTTP/1.1 is spoken here');
const noTunnel = refuse(501, 'CONNECT is not served here');
const noHost = refuse(400, 'there is no Host field');
const malformedHost = refuse(400, 'the Host field is malformed');
const twoHosts = refuse(400, 'more than one Host field');
const otherExpectation = refuse(417, 'only 100-continue can be expected');

const framingRefusals: Readonly<Record<FramingFault, Refusal>> = {
  'two-framings': refuse(400, 'both Content-Length and Transfer-Encoding'),
  'coding-in-old-version': refuse(400, 'HTTP/1.0 has no Transfer-Encoding'),
  'other-coding': refuse(501, 'only chunked is understood as a transfer coding'),
  'malformed-length': refuse(400, 'the Content-Length is malformed'),
};

const none: BodyFraming = { kind: 'none' };

const usualMethods: ReadonlySet<string> = new Set(['GET', 'POST', 'HEAD', 'OPTIONS', 'PUT', 'DELETE']);
const methodToken = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,32}$/;
const unusableInTarget = /[^\x21-\x7e]/;
const absoluteForm = /^https?:\/\/[^/]/i;
const protocolToken = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+(?:\/[!#$%&'*+.^_`|~0-9A-Za-z-]+)?$/;

interface RequestLine {
  readonly method: string;
  readonly target: string;
  readonly version: '1.0' | '1.1';
  /** Where the next line begins. */
  readonly end: number;
}

/** Reads the lines of a head, clean ones (RFC 9112 §3, §5, §6). */
export function parseRequestHead(text: string, limits: SectionLimits): RequestHead | Refusal {
  const line = parseRequestLine(text);
  if (isRefusal(line)) return line;
  const fields = readFieldSection(text, line.end, limits);
  if (isRefusal(fields)) return fields;
  const { method, target, version } = line;
  const host = hostOf(fields, version);
  if (typeof host !== 'string') return host;
  const framing = toldFraming(fields, version) ?? none;
  if (typeof framing === 'string') return framingRefusals[framing];
  const expects = expectationOf(fields);
  if (typeof expects !== 'boolean') return expects;
  const options = connectionOptions(fields);
  const hasBody = framing.kind === 'chunked' || (framing.kind === 'length' && framing.length > 0);
  return {
    method,
    target,
    version,
    fields,
    host,
    framing,
    isPersistent: !options.includes('close') && (version === '1.1' || options.includes('keep-alive')),
    // RFC 9110 §10.1.1: an HTTP/1.0 client knows no interim answers.
    expectsContinue: expects && version === '1.1' && hasBody,
    upgrade: version === '1.1' && options.includes('upgrade') ? upgradeOf(fields) : null,
  };
}

function parseRequestLine(text: string): RequestLine | Refusal {
  const end = text.indexOf('\r\n');
  const first = text.indexOf(' ');
  const second = text.indexOf(' ', first + 1);
  if (first === -1 || second === -1 || second > end) return malformedLine;
  const method = text.slice(0, first);
  if (!usualMethods.has(method) && !methodToken.test(method)) return malformedLine;
  const version = versionOf(text, second + 1, end);
  if (typeof version !== 'string') return version;
  const target = text.slice(first + 1, second);
  if (unusableInTarget.test(target)) return malformedTarget;
  if (method === 'CONNECT') return noTunnel;
  // RFC 9112 §3.2: `*` is of OPTIONS alone, a bare authority of CONNECT.
  const isUsable = target.startsWith('/') || (target === '*' ? method === 'OPTIONS' : absoluteForm.test(target));
  return isUsable ? { method, target, version, end: end + 2 } : malformedTarget;
}

function versionOf(text: string, from: number, end: number): '1.0' | '1.1' | Refusal {
  if (end - from === 8) {
    if (text.startsWith('HTTP/1.1', from)) return '1.1';
    if (text.startsWith('HTTP/1.0', from)) return '1.0';
  }
  return /^HTTP\/\d\.\d$/.test(text.slice(from, end)) ? otherVersion : malformedLine;
}

// RFC 9112 §3.2
function hostOf(fields: FieldLines, version: '1.0' | '1.1'): string | Refusal {
  let host: string | undefined;
  for (let index = 0; index < fields.length; index += 2) {
    if (!isNamed(fields[index] ?? '', 'host')) continue;
    if (host !== undefined) return twoHosts;
    host = fields[index + 1] ?? '';
  }
  if (host === undefined) return version === '1.0' ? '' : noHost;
  return isHost(host) ? host : malformedHost;
}

function expectationOf(fields: FieldLines): boolean | Refusal {
  let isExpected = false;
  for (let index = 0; index < fields.length; index += 2) {
    if (!isNamed(fields[index] ?? '', 'expect')) continue;
    if (isExpected || fields[index + 1]?.toLowerCase() !== '100-continue') return otherExpectation;
    isExpected = true;
  }
  return isExpected;
}

function upgradeOf(fields: FieldLines): string | null {
  let upgrade: string | null = null;
  for (let index = 0; index < fields.length; index += 2) {
    if (!isNamed(fields[index] ?? '', 'upgrade')) continue;
    const value = fields[index + 1] ?? '';
    if (upgrade !== null || !protocolToken.test(value)) return null;
    upgrade = value.toLowerCase();
  }
  return upgrade;
}
