import { connectionOptions } from './connection-options.js';
import { isRefusal, readFieldSection, type SectionLimits } from './field-section.js';
import { type FramingFault, toldFraming } from './framing-fields.js';
import type { AnswerHead, BodyFraming, Refusal } from './http-message.js';

const refuse = (text: string): Refusal => ({ status: 502, text });

const malformedLine = refuse("the answer's status line is malformed");
const malformedField = refuse("a header field of the answer's is malformed or too large");

const framingRefusals: Readonly<Record<FramingFault, Refusal>> = {
  'two-framings': refuse('the answer has both Content-Length and Transfer-Encoding'),
  'coding-in-old-version': refuse('the answer is of HTTP/1.0 and has a Transfer-Encoding'),
  'other-coding': refuse("the answer's transfer coding is not chunked"),
  'malformed-length': refuse("the answer's Content-Length is malformed"),
};

const none: BodyFraming = { kind: 'none' };
const untilClose: BodyFraming = { kind: 'until-close' };

const statusLine = /^HTTP\/1\.([01]) ([1-5][0-9][0-9])(?: (.*))?$/s;

/** Reads the lines of an answer's head, clean ones, as the answer to this method (RFC 9112 §4, §6.3). */
export function parseAnswerHead(text: string, limits: SectionLimits, method: string): AnswerHead | Refusal {
  const end = text.indexOf('\r\n');
  const [, minor, digits, reason = ''] = statusLine.exec(text.slice(0, end)) ?? [];
  if (minor === undefined) return malformedLine;
  const fields = readFieldSection(text, end + 2, limits);
  if (isRefusal(fields)) return malformedField;
  const version = minor === '1' ? '1.1' : '1.0';
  const status = Number(digits);
  const framing = toldFraming(fields, version) ?? untilClose;
  if (typeof framing === 'string') return framingRefusals[framing];
  const isWithoutBody = method === 'HEAD' || status < 200 || status === 204 || status === 304;
  // A server that tells of a body where there is none may send one, and it would be the next answer.
  const mayBeOutOfStep = (status < 200 || status === 204) && !(framing.kind === 'until-close' || isEmpty(framing));
  const isSelfDelimiting = isWithoutBody || framing.kind !== 'until-close';
  const options = connectionOptions(fields);
  const staysOpen = !options.includes('close') && (version === '1.1' || options.includes('keep-alive'));
  return {
    version,
    status,
    reason,
    fields,
    framing: isWithoutBody ? none : framing,
    isPersistent: staysOpen && isSelfDelimiting && !mayBeOutOfStep,
  };
}

const isEmpty = (framing: BodyFraming): boolean => framing.kind === 'length' && framing.length === 0;
