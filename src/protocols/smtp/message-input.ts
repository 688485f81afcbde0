import { Buffer } from 'node:buffer';
import { pieceLengthMax } from './body-decoder.js';
import type { Reading } from './client-state.js';
import type { CommandInput } from './command-input.js';
import type { SmtpReply } from './replies.js';

export type MessageReading = Extract<Reading, { readonly at: 'body' | 'chunk' | 'unwanted' }>;

/** What came of reading on in a message. */
export type MessageProgress =
  | { readonly kind: 'more' }
  /** `bytes` may be empty. */
  | { readonly kind: 'piece'; readonly bytes: Buffer; readonly next: Reading }
  | { readonly kind: 'reply'; readonly reply: SmtpReply }
  | { readonly kind: 'close'; readonly reply: SmtpReply; readonly reason: string };

const unwantedOctetsMax = 64 * 1024 * 1024;
const nothing = Buffer.alloc(0);
const more: MessageProgress = { kind: 'more' };

/** Consumes message bytes, at most one piece of them. */
export function readMessage(reading: MessageReading, input: CommandInput): MessageProgress {
  switch (reading.at) {
    case 'body': {
      if (input.heldBytes === 0) return more;
      const decoded = reading.decoder.decode(input.bytes, input.offset);
      input.advanceTo(decoded.next);
      return { kind: 'piece', bytes: decoded.bytes, next: decoded.kind === 'end' ? { at: 'message-end' } : reading };
    }
    case 'chunk':
      return readChunk(reading, input);
    case 'unwanted':
      return passOver(reading, input);
  }
}

/** RFC 3030 §2: the octets are content whatever they look like; each BDAT but the last is confirmed. */
function readChunk({ left, chunk }: MessageReading & { readonly at: 'chunk' }, input: CommandInput): MessageProgress {
  if (left === 0) {
    if (chunk.isLast) return { kind: 'piece', bytes: nothing, next: { at: 'message-end' } };
    return { kind: 'reply', reply: { code: 250, enhanced: '2.0.0', text: `${chunk.octets} octets received` } };
  }
  if (input.heldBytes === 0) return more;
  const bytes = takeBytes(input, Math.min(left, pieceLengthMax));
  return { kind: 'piece', bytes, next: { at: 'chunk', left: left - bytes.length, chunk } };
}

function passOver({ left, reply }: MessageReading & { readonly at: 'unwanted' }, input: CommandInput): MessageProgress {
  if (left > unwantedOctetsMax) return { kind: 'close', reply, reason: 'a BDAT too large to be passed over' };
  if (left === 0) return { kind: 'reply', reply };
  if (input.heldBytes === 0) return more;
  const after = left - takeBytes(input, left).length;
  return { kind: 'piece', bytes: nothing, next: { at: 'unwanted', left: after, reply } };
}

function takeBytes(input: CommandInput, countMax: number): Buffer {
  const { bytes, offset } = input;
  const taken = bytes.subarray(offset, offset + countMax);
  input.advanceTo(offset + taken.length);
  return taken;
}
