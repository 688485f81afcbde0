import type { Refusal } from '../../protocols/http/http-message.js';
import type { ClientEvents, ClientSide } from './client-side.js';

export interface Http1Options {
  readonly headTimeoutMs: number;
  readonly keepAliveTimeoutMs: number;
  /** For a client that is waited for: that sends nothing of a body, or takes nothing of an answer. */
  readonly silenceTimeoutMs: number;
  /** A request has come; its body is held back until it is asked for. */
  readonly begin: (side: ClientSide) => ClientEvents;
  /** Bytes that are no request, or none in time. */
  readonly onRefused: (refusal: Refusal) => void;
  readonly onClosed: () => void;
}

/**
 * What the client is doing: nothing since its last answer, sending a head, sending a body, waiting for the rest of its
 * answer, or leaving (told all it will be told). A `tunnel` is somebody else's.
 */
export type Http1Phase = 'idle' | 'head' | 'body' | 'answering' | 'closing' | 'tunnel';
