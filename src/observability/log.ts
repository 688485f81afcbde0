import { destination as openDestination, pino, stdTimeFunctions } from 'pino';

/** Structured log of the runtime: one JSON object a line, every client byte encoded, never a credential. */
export interface Logger {
  debug(fields: LogFields, message: string): void;
  info(fields: LogFields, message: string): void;
  warn(fields: LogFields, message: string): void;
  error(fields: LogFields, message: string): void;
}

export type LogFields = Readonly<Record<string, unknown>>;

/** Lines are gathered up to so many bytes or for so long. */
const gatherBytes = 8 * 1024;
const gatherMs = 100;

/** Writes to a file, or to standard error without one. `USHER_LOG_LEVEL` says how much (info). */
export function createLog(file: string | null, level = process.env['USHER_LOG_LEVEL'] ?? 'info'): Logger {
  const destination = openDestination({
    dest: file ?? 2,
    mkdir: true,
    sync: false,
    mode: 0o640,
    minLength: gatherBytes,
    periodicFlush: gatherMs,
  });
  return pino({ level, base: null, timestamp: stdTimeFunctions.isoTime }, destination);
}
