import type { Buffer } from 'node:buffer';
import { isCleanLine, literalHeader } from './syntax.js';

/** A line of a server before it lets us in. */
export type ServerResponse =
  | { readonly kind: 'continuation' }
  | ServerStatus
  | { readonly kind: 'capability'; readonly capabilities: ReadonlySet<string> }
  | { readonly kind: 'data' }
  | { readonly kind: 'malformed' };

export interface ServerStatus {
  readonly kind: 'status';
  /** `*` when untagged. */
  readonly tag: string;
  readonly status: 'OK' | 'NO' | 'BAD' | 'BYE' | 'PREAUTH';
  /** The response code's atom, upper case (RFC 9051 §7.1). */
  readonly code: string | undefined;
  readonly codeArguments: string;
  /** Everything behind the status, code included. */
  readonly text: string;
  /** The words behind the code. */
  readonly words: string;
}

const statusLine = /^([^ ]+) (OK|NO|BAD|BYE|PREAUTH)(?: (.*))?$/i;
const responseCode = /^\[([A-Za-z][A-Za-z0-9./-]{0,63})(?: ([^\]]*))?\] ?/;

/** Reads one line of a server. Literals have no place before the login and count as malformed. */
export function parseServerResponse(line: Buffer): ServerResponse {
  if (!isCleanLine(line)) return { kind: 'malformed' };
  const text = line.toString('utf8');
  if (text === '+' || text.startsWith('+ ')) return { kind: 'continuation' };
  const [, tag, status, rest = ''] = statusLine.exec(text) ?? [];
  if (tag !== undefined && status !== undefined) return parseStatus(tag, status.toUpperCase(), rest);
  if (!/^\* [A-Za-z0-9]/.test(text) || literalHeader(line) !== undefined) return { kind: 'malformed' };
  const capability = /^\* CAPABILITY (.*)$/i.exec(text)?.[1];
  return capability === undefined ? { kind: 'data' } : { kind: 'capability', capabilities: capabilitySet(capability) };
}

/** The capabilities that a status brings along in its code, if it does. */
export function capabilitiesIn(status: ServerStatus): ReadonlySet<string> | undefined {
  return status.code === 'CAPABILITY' ? capabilitySet(status.codeArguments) : undefined;
}

function parseStatus(tag: string, status: string, text: string): ServerResponse {
  if (!isStatus(status)) return { kind: 'malformed' };
  // RFC 9051 §9: BYE and PREAUTH are never tagged.
  if (tag !== '*' && (status === 'BYE' || status === 'PREAUTH')) return { kind: 'malformed' };
  const match = responseCode.exec(text);
  const code = match?.[1]?.toUpperCase();
  const words = text.slice(match?.[0].length ?? 0);
  return { kind: 'status', tag, status, code, codeArguments: match?.[2] ?? '', text, words };
}

function isStatus(status: string): status is ServerStatus['status'] {
  return /^(?:OK|NO|BAD|BYE|PREAUTH)$/.test(status);
}

function capabilitySet(list: string): ReadonlySet<string> {
  return new Set(
    list
      .toUpperCase()
      .split(' ')
      .filter((name) => name !== ''),
  );
}
