import type { HttpRecord } from './http-record.js';
import { jsonList, jsonNumber, jsonNumberOrNull, jsonText, jsonTextOrNull, jsonTrace } from './json-text.js';

const userAgentLengthMax = 300;

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
    `{"at":${jsonText(record.at)},"requestId":${jsonText(record.requestId)},"listener":${jsonText(record.listener)}` +
    `,"frontEnd":${jsonText(record.frontEnd)},"client":${jsonText(record.client)},"clientPort":${jsonNumber(record.clientPort)}` +
    `,"scheme":${jsonText(record.scheme)},"version":${jsonText(record.version)},"method":${jsonText(record.method)}` +
    `,"host":${jsonText(record.host)},"path":${jsonText(query === -1 ? path : path.slice(0, query))}` +
    `,"service":${jsonTextOrNull(record.service)},"user":${jsonTextOrNull(record.user)}` +
    `,"userAgent":${jsonTextOrNull(record.userAgent, userAgentLengthMax)}` +
    `,"status":${jsonNumberOrNull(record.status)},"end":${jsonText(record.end)},"endReason":${jsonTextOrNull(record.endReason)}` +
    `,"server":${jsonTextOrNull(record.server)},"tried":${triedText(record.tried)}` +
    `,"bytesReceived":${jsonNumber(record.bytesReceived)},"bytesSent":${jsonNumber(record.bytesSent)}` +
    `,"durationMs":${jsonNumber(record.durationMs)},"firstByteMs":${jsonNumberOrNull(record.firstByteMs)}` +
    `,${decisionText(record)}}`
  );
}

function decisionText({ hint, mailbox, outcome, reason, trace }: HttpRecord): string {
  const known = decisionTexts.get(trace);
  if (known !== undefined) return known;
  const fields = [
    `"hint":${jsonTextOrNull(hint)}`,
    `"mailbox":${jsonTextOrNull(mailbox)}`,
    `"outcome":${jsonTextOrNull(outcome)}`,
    `"reason":${jsonTextOrNull(reason)}`,
    `"trace":${jsonTrace(trace)}`,
  ];
  const written = fields.join(',');
  decisionTexts.set(trace, written);
  return written;
}

function triedText(tried: HttpRecord['tried']): string {
  return jsonList(tried, triedEntry, (count) => ({ server: '', reason: `${count} more` }));
}

function triedEntry({ server, reason }: HttpRecord['tried'][number]): string {
  return `{"server":${jsonText(server)},"reason":${jsonText(reason)}}`;
}
