import type { Socket } from 'node:net';
import type { Session } from '../session-registry.js';

/**
 * Where a conversation stands: `silent` while words of the protocol cannot be said (PROXY header, TLS handshake),
 * `talking` up to the login, `relaying` after it.
 */
export type Stage = 'silent' | 'talking' | 'relaying';

/** Who or what ended a conversation. */
export type EndedBy =
  | 'client'
  | 'server'
  | 'idle'
  | 'error'
  | 'timeout'
  | 'draining'
  | 'destroyed'
  | 'dialogue'
  | 'handshake'
  | 'proxy-header'
  | 'out-of-service'
  | 'limit';

/** A mail client's conversation as the registry sees it. */
export class MailSession implements Session {
  readonly protocol: 'imap' | 'pop';
  readonly startedAtMs = Date.now();
  clientAddress: string;
  user: string | null = null;
  server: string | null = null;
  stage: Stage = 'silent';
  readonly #ending = new AbortController();
  #socket: Socket;
  #endedBy: EndedBy | null = null;

  constructor(protocol: 'imap' | 'pop', socket: Socket) {
    this.protocol = protocol;
    this.clientAddress = socket.remoteAddress ?? '';
    this.#socket = socket;
    this.#watch(socket);
  }

  /** Aborted when the conversation is to end, or the client is gone before its login. */
  get signal(): AbortSignal {
    return this.#ending.signal;
  }

  /** Why the signal was aborted. */
  get endedBy(): EndedBy | null {
    return this.#endedBy;
  }

  get socket(): Socket {
    return this.#socket;
  }

  /** TLS has begun on the client's socket. */
  replaceSocket(secure: Socket): void {
    this.#socket = secure;
    this.#watch(secure);
  }

  drain(): void {
    switch (this.stage) {
      case 'silent':
        this.#end('draining');
        this.#socket.destroy();
        return;
      case 'talking':
        this.#end('draining');
        return;
      case 'relaying':
        return; // words of ours would fall into the middle of the server's
    }
  }

  destroy(): void {
    this.#end('destroyed');
    this.#socket.destroy();
  }

  #watch(socket: Socket): void {
    socket.once('close', () => {
      if (this.stage !== 'relaying') this.#end('client');
    });
  }

  #end(by: EndedBy): void {
    this.#endedBy ??= by;
    this.#ending.abort(new Error(`the conversation was ended: ${by}`));
  }
}
