import { hasShape, isListOf } from './record-shape.js';

/** What became of one HTTP request: one that was read as far as its first line, whoever answered it. */
export interface HttpRecord {
  /** When the request was over: ISO 8601 in UTC with milliseconds. */
  readonly at: string;
  readonly requestId: string;
  readonly listener: string;
  readonly frontEnd: string;
  readonly client: string;
  readonly clientPort: number;
  readonly scheme: 'http' | 'https';
  readonly version: '1.0' | '1.1' | '2';
  readonly method: string;
  /** As the client named it; '' when it named none. */
  readonly host: string;
  /** Without the query, which may hold secrets. */
  readonly path: string;
  readonly service: string | null;
  /** As the client named itself; never a password or a token. */
  readonly user: string | null;
  readonly userAgent: string | null;
  /** Of the answer's head; null when none went out. */
  readonly status: number | null;
  readonly end: 'answered' | 'aborted';
  readonly endReason: string | null;
  /** The mailbox server whose answer it was; null when the answer was ours. */
  readonly server: string | null;
  readonly tried: readonly { readonly server: string; readonly reason: string }[];
  /** Bytes of the request's body. */
  readonly bytesReceived: number;
  /** Bytes of the answer's body. */
  readonly bytesSent: number;
  /** From the request's head to the answer's end, in milliseconds. */
  readonly durationMs: number;
  /** From the request's head to the answer's; null when none went out. */
  readonly firstByteMs: number | null;
  /** The rule that led to the mailbox. */
  readonly hint: string | null;
  readonly mailbox: string | null;
  /** The decision's. */
  readonly outcome: string | null;
  /** The decision's. */
  readonly reason: string | null;
  /**
   * May be shared by many records, whose hint, mailbox, outcome and reason are then the same too: what is written of a
   * decision is remembered by this array, so it must not change.
   */
  readonly trace: readonly { readonly rule: string; readonly detail: string }[];
}

/** The prefix and the suffix of files of the HTTP log. */
export const httpLogFiles = { prefix: 'HTTP', suffix: '.jsonl' } as const;

const shape = {
  texts: ['at', 'requestId', 'listener', 'frontEnd', 'client', 'method', 'host', 'path'],
  textsOrNull: ['service', 'hint', 'mailbox', 'user', 'userAgent', 'endReason', 'server', 'outcome', 'reason'],
  numbers: ['clientPort', 'bytesReceived', 'bytesSent', 'durationMs'],
  numbersOrNull: ['status', 'firstByteMs'],
};
const schemes: readonly unknown[] = ['http', 'https'];
const versions: readonly unknown[] = ['1.0', '1.1', '2'];
const ends: readonly unknown[] = ['answered', 'aborted'];

/** Whether something read is a record in every part that a reader may look at. */
export function isHttpRecord(value: unknown): value is HttpRecord {
  return (
    hasShape(value, shape) &&
    schemes.includes(value['scheme']) &&
    versions.includes(value['version']) &&
    ends.includes(value['end']) &&
    isListOf(value['tried'], ['server', 'reason']) &&
    isListOf(value['trace'], ['rule', 'detail'])
  );
}
