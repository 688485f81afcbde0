import type { MechanismStep } from '../sasl/server-mechanisms.js';
import { BodyDecoder } from './body-decoder.js';
import type { SmtpReply } from './replies.js';

/** The octets of one BDAT. */
export interface Chunk {
  readonly octets: number;
  readonly isLast: boolean;
}

/** What the driver was asked and has not answered yet. */
export type Question =
  | { readonly kind: 'hello'; readonly verb: 'EHLO' | 'HELO'; readonly name: string }
  | { readonly kind: 'mail'; readonly utf8: 'allowed' | 'refused' }
  | { readonly kind: 'recipient' | 'login' | 'xclient' | 'end-of-body' }
  /** `chunk` is null for DATA. */
  | { readonly kind: 'data'; readonly chunk: Chunk | null };

/** How the next bytes of the client are read. */
export type Reading =
  | { readonly at: 'commands' }
  | { readonly at: 'sasl'; readonly respond: (response: string) => MechanismStep }
  | { readonly at: 'body'; readonly decoder: BodyDecoder }
  | { readonly at: 'chunk'; readonly left: number; readonly chunk: Chunk }
  /** Octets of a BDAT that nobody wants; the reply follows them. */
  | { readonly at: 'unwanted'; readonly left: number; readonly reply: SmtpReply }
  /** The message is whole, and the driver is to be asked. */
  | { readonly at: 'message-end' };

/** Where the dialogue with a client stands. */
export type ClientState =
  | Reading
  | { readonly at: 'start' | 'handshake' }
  | { readonly at: 'asked'; readonly question: Question }
  /** The driver has a piece of the message. */
  | { readonly at: 'piece'; readonly next: Reading }
  | { readonly at: 'over'; readonly reason: string };

/** What follows the driver's answer; refused octets of a BDAT come all the same. */
export function readingAfter(question: Question, refusal: SmtpReply | null): Reading {
  if (question.kind !== 'data') return { at: 'commands' };
  const { chunk } = question;
  if (chunk === null) return refusal === null ? { at: 'body', decoder: new BodyDecoder() } : { at: 'commands' };
  const left = chunk.octets;
  return refusal === null ? { at: 'chunk', left, chunk } : { at: 'unwanted', left, reply: refusal };
}
