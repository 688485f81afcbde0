import { Buffer } from 'node:buffer';
import { oneLine } from '../../protocols/lines/one-line.js';

const movedWords = 'Server moved, reconnect';
const nothing: Buffer = Buffer.alloc(0);

/**
 * The last words to a client that is logged in, between two responses. A POP client hears none: what is no answer to a
 * command of its own is nothing to it (RFC 1939 §3).
 */
export function goodbye(protocol: 'imap' | 'pop', words = movedWords): Buffer {
  return protocol === 'imap' ? Buffer.from(`* BYE ${oneLine(words)}\r\n`) : nothing;
}

/** The last words to a client that is not logged in yet. */
export function earlyGoodbye(protocol: 'imap' | 'pop', words: string): Buffer {
  const text = oneLine(words);
  return Buffer.from(protocol === 'imap' ? `* BYE [UNAVAILABLE] ${text}\r\n` : `-ERR [SYS/TEMP] ${text}\r\n`);
}
