import { hasShape, isListOf } from './record-shape.js';

/** What became of one call (INVITE) at the call router. */
export interface CallRecord {
  /** When the call was answered: ISO 8601 in UTC with milliseconds. */
  readonly at: string;
  readonly frontEnd: string;
  readonly listener: string;
  readonly transport: 'udp' | 'tcp' | 'tls';
  readonly client: string;
  readonly clientPort: number;
  readonly callId: string;
  readonly from: string;
  readonly to: string;
  readonly requestUri: string;
  /** The URI that diverted the call to voice mail; null: none did. */
  readonly diversion: string | null;
  readonly status: number;
  readonly reason: string;
  readonly trace: ReadonlyArray<{ readonly rule: string; readonly detail: string }>;
  /** Null: the call was refused. */
  readonly server: string | null;
  readonly contact: string | null;
  readonly durationMs: number;
}

/** The prefix and the suffix of files of the call log. */
export const callLogFiles = { prefix: 'CALL', suffix: '.jsonl' } as const;

const shape = {
  texts: ['at', 'frontEnd', 'listener', 'client', 'callId', 'from', 'to', 'requestUri', 'reason'],
  textsOrNull: ['diversion', 'server', 'contact'],
  numbers: ['clientPort', 'status', 'durationMs'],
};
const transports: readonly unknown[] = ['udp', 'tcp', 'tls'];

/** Whether something read is a record in every part that a reader may look at. */
export function isCallRecord(value: unknown): value is CallRecord {
  return (
    hasShape(value, shape) && transports.includes(value['transport']) && isListOf(value['trace'], ['rule', 'detail'])
  );
}
