import { type CallRecord, callLogFiles, isCallRecord } from './call-record.js';
import { type RecordReport, readRecordFiles } from './read-record-files.js';
import { isSameText, needleOf } from './search-text.js';

/** Which calls; every part given must fit. */
export interface CallLogQuery {
  /** Whether a URI names who is asked for; asked about whom a call was for and who diverted it. */
  readonly isCallee?: ((uri: string) => boolean) | undefined;
  /** Whether a caller's address is one of those asked for. */
  readonly isClient?: ((address: string) => boolean) | undefined;
  /** The server that the call was redirected to, in any case. */
  readonly server?: string | undefined;
  readonly isStatus?: ((status: number) => boolean) | undefined;
  /** Answered at this moment or later: milliseconds since the epoch. */
  readonly sinceMs?: number | undefined;
  /** Answered at this moment or earlier. */
  readonly untilMs?: number | undefined;
}

/**
 * The calls that fit, in the order of their answers. A folder that is not there has none. A last line that is still
 * being written is left alone. `onEnd` is told when all were read.
 * Throws UsherError `unreadable` for files that cannot be read.
 */
export function readCallLog(
  folder: string,
  query: CallLogQuery,
  onEnd?: (report: RecordReport) => void,
): AsyncGenerator<CallRecord, void, undefined> {
  const { isCallee, isClient, server, isStatus, sinceMs, untilMs } = query;
  const search = {
    title: 'call log',
    files: callLogFiles,
    sinceMs,
    untilMs,
    needles: server === undefined ? [] : [needleOf(server)],
    isRecord: isCallRecord,
    fits: (record: CallRecord): boolean =>
      isSameText(server, record.server) &&
      (isStatus === undefined || isStatus(record.status)) &&
      (isClient === undefined || isClient(record.client)) &&
      (isCallee === undefined || calleesOf(record).some(isCallee)),
  };
  return readRecordFiles(folder, search, onEnd);
}

function calleesOf({ to, requestUri, diversion }: CallRecord): string[] {
  return diversion === null ? [to, requestUri] : [to, requestUri, diversion];
}
