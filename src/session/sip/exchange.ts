import type { Buffer } from 'node:buffer';

/** The way back to whoever sent a request: a connection, or a UDP door with an address and port. */
export interface ReplyPath {
  /** TCP and TLS: nothing is lost, and nothing is sent twice. */
  readonly reliable: boolean;
  /** Sends, or begins to. False: there is no way back any more. Must not throw. */
  send(bytes: Buffer): boolean;
  /** Of a connection; it may be kept longer than the path. */
  readonly life?: ConnectionLife;
}

export interface ConnectionLife {
  /** Nothing comes or goes by it any more. */
  readonly isOver: boolean;
}

/** One request that is to be answered. */
export interface Exchange {
  /** Of every response but 100, where the request's To has no tag (RFC 3261 §8.2.6.2). */
  readonly toTag: string;
  /** False: a provisional response would be dropped. */
  readonly takesProvisional: boolean;
  /**
   * Sends a response. `bytes` may be kept and sent again later: they must not change any more. To an INVITE: no 2xx.
   * False: it was not taken, because the final response was given before or the request was given up.
   */
  respond(code: number, bytes: Buffer): boolean;
}

/** Answered once and forgotten (RFC 3261 §8.2.7): a copy of the request is a new request, with the same To tag. */
export class StatelessExchange implements Exchange {
  readonly takesProvisional = false;
  readonly toTag: string;
  readonly #path: ReplyPath;
  readonly #unsent: () => void;
  #answered = false;

  /** `unsent` is told that the response found no way back. */
  constructor(toTag: string, path: ReplyPath, unsent: () => void) {
    this.toTag = toTag;
    this.#path = path;
    this.#unsent = unsent;
  }

  respond(code: number, bytes: Buffer): boolean {
    // RFC 3261 §8.2.7: a stateless server sends no provisional responses.
    if (code < 200 || this.#answered) return false;
    this.#answered = true;
    if (!this.#path.send(bytes)) this.#unsent();
    return true;
  }
}
