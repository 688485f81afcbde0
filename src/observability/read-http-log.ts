import { type HttpRecord, httpLogFiles, isHttpRecord } from './http-record.js';
import { type RecordReport, readRecordFiles } from './read-record-files.js';
import { isSameText, needleOf } from './search-text.js';

/** Which requests; every part given must fit. Names compare without regard to case. */
export interface HttpLogQuery {
  readonly requestId?: string | undefined;
  readonly user?: string | undefined;
  readonly mailbox?: string | undefined;
  /** Whether a client's address is one of those asked for. */
  readonly isClient?: ((address: string) => boolean) | undefined;
  /** The server whose answer it was, or one that was tried. */
  readonly server?: string | undefined;
  readonly service?: string | undefined;
  /** Whether a status is one of those asked for; null is that of a request without an answer. */
  readonly isStatus?: ((status: number | null) => boolean) | undefined;
  /** What the path begins with. */
  readonly path?: string | undefined;
  /** Over at this moment or later: milliseconds since the epoch. */
  readonly sinceMs?: number | undefined;
  /** Over at this moment or earlier. */
  readonly untilMs?: number | undefined;
}

// Beyond it the small form of a letter may hang on the letters after it, so that a beginning cannot be searched for.
const ascii = /^[ -~]*$/;

/**
 * The requests that fit, in the order of their ends. A folder that is not there has none. A last line that is still
 * being written is left alone. `onEnd` is told when all were read.
 * Throws UsherError `unreadable` for files that cannot be read.
 */
export function readHttpLog(
  folder: string,
  query: HttpLogQuery,
  onEnd?: (report: RecordReport) => void,
): AsyncGenerator<HttpRecord, void, undefined> {
  const { requestId, user, mailbox, server, service, path, sinceMs, untilMs } = query;
  const wanted = [requestId, user, mailbox, server, service].filter((text) => text !== undefined);
  const search = {
    title: 'HTTP log',
    files: httpLogFiles,
    sinceMs,
    untilMs,
    needles: [
      ...wanted.map(needleOf),
      ...(path !== undefined && ascii.test(path) ? [`"path":"${needleOf(path)}`] : []),
    ],
    isRecord: isHttpRecord,
    fits: fitting(query, path?.toLowerCase()),
  };
  return readRecordFiles(folder, search, onEnd);
}

function fitting(query: HttpLogQuery, pathStart: string | undefined): (record: HttpRecord) => boolean {
  const { requestId, user, mailbox, server, service, isClient, isStatus } = query;
  return (record) =>
    isSameText(requestId, record.requestId) &&
    isSameText(user, record.user) &&
    isSameText(mailbox, record.mailbox) &&
    isSameText(service, record.service) &&
    (isSameText(server, record.server) || record.tried.some((one) => isSameText(server, one.server))) &&
    (pathStart === undefined || record.path.toLowerCase().startsWith(pathStart)) &&
    (isStatus === undefined || isStatus(record.status)) &&
    (isClient === undefined || isClient(record.client));
}
