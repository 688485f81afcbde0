import type { CallRecord } from './call-record.js';
import { jsonNumber, jsonText, jsonTextOrNull, jsonTrace } from './json-text.js';

/** The line of a record: one JSON object, `at` first. Texts are cut at 1,000 characters, traces at 100 steps. */
export function callLine(record: CallRecord): string {
  return (
    `{"at":${jsonText(record.at)},"frontEnd":${jsonText(record.frontEnd)},"listener":${jsonText(record.listener)}` +
    `,"transport":${jsonText(record.transport)},"client":${jsonText(record.client)}` +
    `,"clientPort":${jsonNumber(record.clientPort)},"callId":${jsonText(record.callId)}` +
    `,"from":${jsonText(record.from)},"to":${jsonText(record.to)},"requestUri":${jsonText(record.requestUri)}` +
    `,"diversion":${jsonTextOrNull(record.diversion)},"status":${jsonNumber(record.status)}` +
    `,"reason":${jsonText(record.reason)},"trace":${jsonTrace(record.trace)},"server":${jsonTextOrNull(record.server)}` +
    `,"contact":${jsonTextOrNull(record.contact)},"durationMs":${jsonNumber(record.durationMs)}}`
  );
}
