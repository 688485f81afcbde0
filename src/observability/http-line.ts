import type { HttpRecord } from './http-record.js';
import { jsonLine } from './tracking-line.js';

const textLengthMax = 1000;
const userAgentLengthMax = 300;
const entriesMax = 100;

/** What stands in JSON as it is, and does a terminal no harm. */
const notPlain = /[^ !#-[\]-~]/;

/** What decisions are as JSON, by the arrays of their traces: each is shared by many requests. */
const decisionTexts = new WeakMap<HttpRecord['trace'], string>();

/**
 * The line of a record: one JSON object, `at` first. Texts are cut at 1,000 characters, the user agent at 300, the path
 * before its query; of lists the first 100 entries stand, and one more says
 * how many are missing.
 */
export function httpLine(record: HttpRecord): string {
  const { path } = record;
  const query = path.indexOf('?');
  return (
    `{"at":${text(record.at)},"requestId":${text(record.requestId)},"listener":${text(record.listener)}` +
    `,"frontEnd":${text(record.frontEnd)},"client":${text(record.client)},"clientPort":${number(record.clientPort)}` +
    `,"scheme":${text(record.scheme)},"version":${text(record.version)},"method":${text(record.method)}` +
    `,"host":${text(record.host)},"path":${text(query === -1 ? path : path.slice(0, query))}` +
    `,"service":${textOrNull(record.service)},"user":${textOrNull(record.user)}` +
    `,"userAgent":${record.userAgent === null ? 'null' : text(record.userAgent, userAgentLengthMax)}` +
    `,"status":${numberOrNull(record.status)},"end":${text(record.end)},"endReason":${textOrNull(record.endReason)}` +
    `,"server":${textOrNull(record.server)},"tried":${triedText(record.tried)}` +
    `,"bytesReceived":${number(record.bytesReceived)},"bytesSent":${number(record.bytesSent)}` +
    `,"durationMs":${number(record.durationMs)},"firstByteMs":${numberOrNull(record.firstByteMs)}` +
    `,${decisionText(record)}}`
  );
}

function decisionText({ hint, mailbox, outcome, reason, trace }: HttpRecord): string {
  const known = decisionTexts.get(trace);
  if (known !== undefined) return known;
  const entries = trace.slice(0, entriesMax).map(({ rule, detail }) => traceEntry(rule, detail));
  if (trace.length > entriesMax) entries.push(traceEntry('left-out', `${trace.length - entriesMax} steps`));
  const fields = [
    `"hint":${textOrNull(hint)}`,
    `"mailbox":${textOrNull(mailbox)}`,
    `"outcome":${textOrNull(outcome)}`,
    `"reason":${textOrNull(reason)}`,
    `"trace":[${entries.join(',')}]`,
  ];
  const written = fields.join(',');
  decisionTexts.set(trace, written);
  return written;
}

function traceEntry(rule: string, detail: string): string {
  return `{"rule":${text(rule)},"detail":${text(detail)}}`;
}

function triedText(tried: HttpRecord['tried']): string {
  if (tried.length === 0) return '[]';
  const entries = tried.slice(0, entriesMax).map(({ server, reason }) => triedEntry(server, reason));
  if (tried.length > entriesMax) entries.push(triedEntry('', `${tried.length - entriesMax} more`));
  return `[${entries.join(',')}]`;
}

function triedEntry(server: string, reason: string): string {
  return `{"server":${text(server)},"reason":${text(reason)}}`;
}

function text(value: string, lengthMax = textLengthMax): string {
  const kept = value.length <= lengthMax ? value : `${value.slice(0, lengthMax - 3)}...`;
  return notPlain.test(kept) ? jsonLine(kept) : `"${kept}"`;
}

function textOrNull(value: string | null): string {
  return value === null ? 'null' : text(value);
}

/** JSON knows no infinity. */
function number(value: number): string {
  return Number.isFinite(value) ? `${value}` : '0';
}

function numberOrNull(value: number | null): string {
  return value === null ? 'null' : number(value);
}
