import { randomUUID } from 'node:crypto';
import type { TraceStep } from '../../routing/decision.js';
import type { AskedRequest } from './asked-request.js';
import type { Routed } from './route-memory.js';

const noTries: readonly { readonly server: string; readonly reason: string }[] = [];

/** What becomes known of a request while it is served, for the answer's fields and the log. */
export class ExchangeFacts {
  readonly requestId = randomUUID();
  readonly startedAtMs = performance.now();
  asked: AskedRequest | null = null;
  /** Who the client says that it is, or has said on this connection. */
  user: string | null = null;
  routed: Routed | null = null;
  /** Servers that did not answer it, and why. */
  tried = noTries;
  /** The server it was sent to. */
  server: string | null = null;
  /** Of the answer's head; null before it is out. */
  status: number | null = null;
  firstByteAtMs: number | null = null;
  bytesSent = 0;
  /** The step of the trace that says which route cookie the answer sets; null: none. */
  cookieStep: TraceStep | null = null;
}
