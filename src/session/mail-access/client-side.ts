import { Buffer } from 'node:buffer';
import type { SecureContext } from 'node:tls';
import { type TerminateTlsOptions, TlsRefused, terminateTls } from '../../net/terminate-tls.js';
import type {
  ClientDialogue,
  ClientResult,
  Credentials,
  LoginFailure,
  LoginProtocol,
} from '../../protocols/sasl/login-protocol.js';
import type { Listener } from '../../topology/catalogue/catalogue.js';
import type { EndedBy, MailSession } from './mail-session.js';
import { nextChunk } from './next-chunk.js';
import { writeOut } from './write-out.js';

export interface ClientSideOptions {
  readonly protocol: LoginProtocol;
  readonly listener: Listener;
  readonly session: MailSession;
  /** Our name in the greeting. */
  readonly serverName: string;
  readonly contextFor: (serverName: string | null) => SecureContext;
  /** By `performance.now()`: the client must have named itself by then. */
  readonly endAtMs: number;
}

/** The conversation is over before a login; `words` are still to be said. */
export interface Over {
  readonly kind: 'over';
  readonly by: EndedBy;
  readonly detail: string;
  readonly words: Buffer;
}

export type ClientTurn = Over | { readonly kind: 'login'; readonly credentials: Credentials };

const commandSizes = { imap: 10_240, pop: 512 } as const;
// The names of RFC 7301's registry; a client that offers others only is refused, so that no web browser is served.
const alpnProtocols = { imap: ['imap'], pop: ['pop3'] } as const;
const badCommandsMax = 10;
const nothing: Buffer = Buffer.alloc(0);

/** Drives the dialogue with the client over its socket until it wants to log in. The client is read only while it may speak. */
export class ClientSide {
  readonly #options: ClientSideOptions;
  readonly #dialogue: ClientDialogue;
  #tls: string | null = null;

  constructor(options: ClientSideOptions) {
    const { protocol, listener, serverName } = options;
    this.#options = options;
    this.#dialogue = protocol.createClientDialogue({
      serverName,
      tlsActive: listener.tls === 'implicit',
      starttls: listener.tls === 'starttls',
      plaintextLogin: listener.plaintextLogin,
      commandSizeMax: listener.limits.maxCommandSize ?? commandSizes[protocol.name],
      badCommandsMax,
    });
  }

  /** The TLS version that the client speaks, null without TLS. */
  get tls(): string | null {
    return this.#tls;
  }

  /** The handshake where TLS comes first, the greeting, and on to the first login. */
  async begin(): Promise<ClientTurn> {
    if (this.#options.listener.tls === 'implicit') {
      const failed = await this.#startTls('handshake');
      if (failed) return failed;
    }
    this.#options.session.stage = 'talking';
    return this.#converse(this.#dialogue.greet());
  }

  /** Tells the client that its login was refused, and on to the next one. */
  refuse(failure: LoginFailure): Promise<ClientTurn> {
    return this.#converse(this.#dialogue.loginRefused(failure));
  }

  /** What to write to the client now that the server has accepted it, and what it has sent behind its login. */
  accept(serverText: string, serverUntagged: Buffer): { readonly output: Buffer; readonly pending: Buffer } {
    return this.#dialogue.loginAccepted(serverText, serverUntagged);
  }

  /** The end when the session's signal was aborted. */
  aborted(): Over {
    const by = this.#options.session.endedBy ?? 'destroyed';
    const words = by === 'draining' ? this.#options.protocol.refuseConnection('out-of-service') : nothing;
    return over(by, 'the conversation was ended before a login', words);
  }

  async #converse(first: ClientResult): Promise<ClientTurn> {
    let result = first;
    for (;;) {
      const { output, step } = result;
      switch (step.kind) {
        case 'close':
          return over('dialogue', step.reason, output);
        case 'start-tls': {
          const failed = await this.#startTls('refuse', output);
          if (failed) return failed;
          result = this.#dialogue.tlsStarted();
          break;
        }
        case 'login':
          return (await this.#write(output)) ?? { kind: 'login', credentials: step.credentials };
        case 'read': {
          const chunk = (await this.#write(output)) ?? (await this.#read());
          if (!Buffer.isBuffer(chunk)) return chunk;
          result = this.#dialogue.receive(chunk);
        }
      }
    }
  }

  async #read(): Promise<Buffer | Over> {
    const { session, endAtMs } = this.#options;
    const chunk = await nextChunk(session.socket, endAtMs, session.signal);
    return chunk.kind === 'bytes' ? chunk.bytes : this.#ended(chunk.kind);
  }

  async #write(bytes: Buffer): Promise<Over | undefined> {
    const { session, endAtMs } = this.#options;
    const outcome = await writeOut(session.socket, bytes, endAtMs, session.signal);
    return outcome === 'written' ? undefined : this.#ended(outcome);
  }

  #ended(how: 'ended' | 'timeout' | 'aborted'): Over {
    switch (how) {
      case 'ended':
        return over('client', 'the client closed before a login');
      case 'timeout':
        return over('timeout', 'no login in time', this.#dialogue.timedOut());
      case 'aborted':
        return this.aborted();
    }
  }

  /** @param reply goes out before the handshake; nothing may be awaited in between, lest the handshake's bytes be read */
  async #startTls(pending: TerminateTlsOptions['pending'], reply = nothing): Promise<Over | undefined> {
    const { session, contextFor, protocol, endAtMs } = this.#options;
    if (reply.length > 0) session.socket.write(reply);
    session.stage = 'silent';
    try {
      const secure = await terminateTls(session.socket, {
        contextFor,
        alpnProtocols: alpnProtocols[protocol.name],
        timeoutMs: Math.max(1, Math.ceil(endAtMs - performance.now())),
        pending,
      });
      session.replaceSocket(secure);
      session.stage = 'talking';
      this.#tls = secure.getProtocol();
      return undefined;
    } catch (error) {
      if (!(error instanceof TlsRefused)) throw error;
      const by = session.endedBy === 'draining' ? 'draining' : error.stage === 'closed' ? 'client' : 'handshake';
      return over(by, error.message);
    }
  }
}

function over(by: EndedBy, detail: string, words = nothing): Over {
  return { kind: 'over', by, detail, words };
}
