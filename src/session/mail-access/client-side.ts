import { Buffer } from 'node:buffer';
import type { SecureContext } from 'node:tls';
import { doorCapabilities } from '../../health/door-capabilities.js';
import { type TerminateTlsOptions, TlsRefused, terminateTls } from '../../net/terminate-tls.js';
import type {
  ClientDialogue,
  ClientResult,
  ClientStep,
  LoginFailure,
  LoginProtocol,
} from '../../protocols/sasl/login-protocol.js';
import type { Listener } from '../../topology/catalogue/catalogue.js';
import { earlyGoodbye } from './goodbye.js';
import type { EndedBy, MailSession } from './mail-session.js';
import { type ByteSink, startReading, stopReading } from './read-socket.js';

export interface ClientSideOptions {
  readonly protocol: LoginProtocol;
  readonly listener: Listener;
  readonly session: MailSession;
  /** Our name in the greeting. */
  readonly serverName: string;
  /** What the servers behind the door can do before a login; null: not known. */
  readonly serverCapabilities: readonly string[] | null;
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

export type LoginStep = ClientStep & { readonly kind: 'login' };
export type ClientTurn = Over | LoginStep;

interface Turn {
  readonly settle: (turn: ClientTurn) => void;
  readonly fail: (fault: unknown) => void;
  readonly timer: NodeJS.Timeout;
}

const commandSizes = { imap: 10_240, pop: 512 } as const;
// The names of RFC 7301's registry; a client that offers others only is refused, so that no web browser is served.
const alpnProtocols = { imap: ['imap'], pop: ['pop3'] } as const;
const badCommandsMax = 10;
const nothing: Buffer = Buffer.alloc(0);

/** Drives the dialogue with the client over its socket until it wants to log in. The client is read only while it may speak. */
export class ClientSide implements ByteSink {
  readonly #options: ClientSideOptions;
  readonly #dialogue: ClientDialogue;
  #tls: string | null = null;
  #turn: Turn | null = null;

  constructor(options: ClientSideOptions) {
    const { protocol, listener, serverName } = options;
    const { mechanisms, announced } = doorCapabilities(protocol.name, options.serverCapabilities);
    this.#options = options;
    this.#dialogue = protocol.createClientDialogue({
      serverName,
      tlsActive: listener.tls === 'implicit',
      starttls: listener.tls === 'starttls',
      plaintextLogin: listener.plaintextLogin,
      commandSizeMax: listener.limits.maxCommandSize ?? commandSizes[protocol.name],
      badCommandsMax,
      mechanisms,
      serverCapabilities: announced,
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

  /** The end when somebody has ended the conversation. */
  aborted(): Over {
    const by = this.#options.session.endedBy ?? 'destroyed';
    return over(by, 'the conversation was ended before a login', by === 'draining' ? this.#drainWords() : nothing);
  }

  takeBytes(chunk: Buffer): void {
    if (this.#turn === null) return;
    try {
      this.#advance(this.#dialogue.receive(chunk));
    } catch (error) {
      this.#fail(error);
    }
  }

  peerEnded(): void {
    this.#settle(over('client', 'the client closed before a login'));
  }

  #drainWords(): Buffer {
    const { session, protocol } = this.#options;
    const { words } = session;
    return words === undefined ? protocol.refuseConnection('out-of-service') : earlyGoodbye(protocol.name, words);
  }

  #converse(first: ClientResult): Promise<ClientTurn> {
    const { session, endAtMs } = this.#options;
    return new Promise((settle, fail) => {
      const timer = setTimeout(() => this.#timedOut(), Math.max(0, endAtMs - performance.now()));
      this.#turn = { settle, fail, timer };
      session.cancel = () => this.#settle(this.aborted());
      if (session.endedBy === null) this.#advance(first);
      else this.#settle(this.aborted());
    });
  }

  #advance({ output, step }: ClientResult): void {
    const { session } = this.#options;
    switch (step.kind) {
      case 'close':
        this.#settle(over('dialogue', step.reason, output));
        return;
      case 'start-tls':
        this.#secure(output).catch((error: unknown) => this.#fail(error));
        return;
      case 'login':
        if (output.length > 0) session.socket.write(output);
        this.#settle(step);
        return;
      case 'read':
        if (output.length === 0 || session.socket.write(output)) startReading(session.socket, this);
        else this.#readOnceWritten();
    }
  }

  /** A client that does not read is not read either. */
  #readOnceWritten(): void {
    const { socket } = this.#options.session;
    stopReading(socket);
    socket.once('drain', () => {
      if (this.#turn !== null) startReading(socket, this);
    });
  }

  #timedOut(): void {
    const words = this.#options.session.stage === 'silent' ? nothing : this.#dialogue.timedOut();
    this.#settle(over('timeout', 'no login in time', words));
  }

  #settle(turn: ClientTurn): void {
    this.#close()?.settle(turn);
  }

  #fail(fault: unknown): void {
    this.#close()?.fail(fault);
  }

  #close(): Turn | null {
    const turn = this.#turn;
    if (turn === null) return null;
    const { session } = this.#options;
    this.#turn = null;
    session.cancel = null;
    stopReading(session.socket);
    clearTimeout(turn.timer);
    return turn;
  }

  /** STARTTLS: the handshake, and on with the dialogue. */
  async #secure(reply: Buffer): Promise<void> {
    const { session } = this.#options;
    stopReading(session.socket);
    const failed = await this.#startTls('refuse', reply);
    if (failed) this.#settle(failed);
    else if (this.#turn !== null) this.#advance(this.#dialogue.tlsStarted());
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
