import { type Buffer, isUtf8 } from 'node:buffer';

export interface PopCommand {
  readonly kind: 'command';
  /** Upper case. */
  readonly name: string;
  /** Everything behind the first space, spaces kept; undefined when there is none. */
  readonly argument: string | undefined;
}

export type ParsedCommand = PopCommand | { readonly kind: 'malformed'; readonly reason: string };

/** One line of a server: its status and, for `+OK` and `-ERR`, what follows (RFC 1939 §3). */
export type PopReply =
  | { readonly kind: 'ok'; readonly text: string }
  | {
      readonly kind: 'error';
      readonly text: string;
      /** The response code, upper case (RFC 2449 §8). */
      readonly code: string | undefined;
      /** The words behind the code. */
      readonly words: string;
    }
  | { readonly kind: 'continuation' }
  | { readonly kind: 'malformed' };

/** Reads a command line of a client. */
export function parseCommand(line: Buffer): ParsedCommand {
  if (!isCleanLine(line)) return { kind: 'malformed', reason: 'The line has NUL or a CR without LF.' };
  if (!isUtf8(line)) return { kind: 'malformed', reason: 'The line is not UTF-8.' };
  const [, name, argument] = /^([A-Za-z]{1,16})(?: (.*))?$/s.exec(line.toString('utf8')) ?? [];
  if (name === undefined) return { kind: 'malformed', reason: 'Unknown command.' };
  return { kind: 'command', name: name.toUpperCase(), argument };
}

/** Reads the status line of a server. */
export function parseReply(line: Buffer): PopReply {
  const text = line.toString('utf8');
  if (!isCleanLine(line)) return { kind: 'malformed' };
  if (text === '+' || text.startsWith('+ ')) return { kind: 'continuation' };
  const [, status, rest = ''] = /^(\+OK|-ERR)(?: (.*))?$/is.exec(text) ?? [];
  if (status === undefined) return { kind: 'malformed' };
  if (status.startsWith('+')) return { kind: 'ok', text: rest };
  const match = /^\[([A-Za-z][A-Za-z0-9/-]*)\] ?/.exec(rest);
  return { kind: 'error', text: rest, code: match?.[1]?.toUpperCase(), words: rest.slice(match?.[0].length ?? 0) };
}

/** Whether every byte may stand in a line: neither NUL nor a CR within it. */
export function isCleanLine(line: Buffer): boolean {
  return !line.includes(0) && !line.includes(0x0d);
}
