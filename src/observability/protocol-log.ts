import { csvField } from './csv-field.js';
import { type LogOptions, openRotatedFile, type RotatedFile } from './rotated-file.js';

/** `+` connected, `-` disconnected, `>` said by us, `<` heard from the other side, `*` a remark. */
export type ProtocolEvent = '+' | '-' | '>' | '<' | '*';

/** Who speaks with whom; endpoints as `192.0.2.1:25` or `[2001:db8::1]:25`. */
export interface ProtocolLogSession {
  readonly connector: string;
  readonly sessionId: string;
  readonly local: string;
  readonly remote: string;
}

export interface ProtocolSession {
  /** Any text is safe to hand over, but credentials are the caller's to leave out. */
  record(event: ProtocolEvent, data: string, context?: string): void;
}

export interface ProtocolLog {
  session(session: ProtocolLogSession): ProtocolSession;
  flush(): Promise<void>;
  close(): Promise<void>;
}

/** Conversations that others begin with us, or we with others. */
export type ProtocolSide = 'receive' | 'send';

const kinds = {
  receive: { prefix: 'RECV', title: 'SMTP Receive Protocol Log' },
  send: { prefix: 'SEND', title: 'SMTP Send Protocol Log' },
} as const;

const fields = 'date-time,connector-id,session-id,sequence-number,local-endpoint,remote-endpoint,event,data,context';

/**
 * The conversations of one side as CSV, in files `RECV20261122-1.log` or `SEND20261122-1.log`; columns as Exchange's own
 * logs have them.
 */
export function openProtocolLog(side: ProtocolSide, folder: string, options: LogOptions): ProtocolLog {
  const { prefix, title } = kinds[side];
  const clock = isoClock(options.nowMs);
  const file = openRotatedFile({
    ...options,
    folder,
    prefix,
    suffix: '.log',
    header: (atMs) => {
      const date = new Date(atMs).toISOString();
      return `#Software: usher\n#Log-type: ${title}\n#Date: ${date}\n#Fields: ${fields}\n`;
    },
    lossLine: (lines) => `${clock()},,,0,,,*,${lines} lines of this log were lost,`,
  });
  return {
    session: (session) => new LoggedSession(file, clock, session),
    flush: () => file.flush(),
    close: () => file.close(),
  };
}

class LoggedSession implements ProtocolSession {
  readonly #file: RotatedFile;
  readonly #clock: () => string;
  readonly #before: string;
  readonly #between: string;
  #sequenceNumber = 0;

  constructor(file: RotatedFile, clock: () => string, session: ProtocolLogSession) {
    this.#file = file;
    this.#clock = clock;
    this.#before = `,${csvField(session.connector)},${csvField(session.sessionId)},`;
    this.#between = `,${csvField(session.local)},${csvField(session.remote)},`;
  }

  record(event: ProtocolEvent, data: string, context = ''): void {
    const number = this.#sequenceNumber;
    this.#sequenceNumber += 1;
    const said = `${csvField(data)},${context === '' ? '' : csvField(context)}`;
    this.#file.write(`${this.#clock()}${this.#before}${number}${this.#between}${event},${said}`);
  }
}

/** Most lines share their millisecond with the line before. */
function isoClock(nowMs: () => number): () => string {
  let lastMs = Number.NaN;
  let lastText = '';
  return () => {
    const atMs = nowMs();
    if (atMs !== lastMs) {
      lastMs = atMs;
      lastText = new Date(atMs).toISOString();
    }
    return lastText;
  };
}
