import type { Buffer } from 'node:buffer';
import type { Socket } from 'node:net';
import { connectTo } from '../../net/connect.js';
import { ConnectFailure } from '../../net/connect-failure.js';
import { startTls } from '../../net/start-tls.js';
import { writeProxyHeader } from '../../net/write-proxy-header.js';
import type { LoginCredentials } from '../../protocols/sasl/login-credentials.js';
import type {
  ClientOrigin,
  LoginFailure,
  LoginProtocol,
  ServerDialogue,
  ServerResult,
} from '../../protocols/sasl/login-protocol.js';
import type { Endpoint } from '../../topology/endpoints.js';
import type { ClientConnection } from '../admit-connection.js';
import { type ByteSink, startReading, stopReading } from './read-socket.js';

export interface ServerLoginPlan {
  readonly protocol: LoginProtocol;
  readonly host: string;
  readonly endpoint: Endpoint;
  readonly credentials: LoginCredentials;
  readonly client: ClientConnection;
  readonly sessionId: string;
  /** How many proxies the login may pass after us. */
  readonly proxyTtl: number;
  /** By `performance.now()`: for the connection with its handshake, and for everything. */
  readonly connectEndAtMs: number;
  readonly endAtMs: number;
  readonly signal: AbortSignal;
}

export interface AcceptedLogin {
  readonly kind: 'accepted';
  /** Not read by anybody, with no bytes lost. */
  readonly socket: Socket;
  readonly text: string;
  readonly untagged: Buffer;
  readonly pending: Buffer;
}

/**
 * How far a failed login came: `cut` refused or cut off before a credential was sent, `early` failed otherwise before
 * it, `late` the server has or may have seen the credentials.
 */
export type FailedStage = 'cut' | 'early' | 'late';

export type ServerLogin =
  | AcceptedLogin
  | { readonly kind: 'refused'; readonly stage: FailedStage; readonly failure: LoginFailure }
  | { readonly kind: 'aborted' };

type Opened = { readonly kind: 'open'; readonly socket: Socket } | Exclude<ServerLogin, AcceptedLogin>;

const cutCodes: ReadonlySet<string> = new Set(['ECONNREFUSED', 'ECONNRESET', 'EPIPE']);
// States in which the server can have seen nothing of the credentials.
const earlyStates: ReadonlySet<string> = new Set([
  'greeting',
  'capability',
  'starttls',
  'id',
  'capa',
  'capa-list',
  'stls',
  'handshake',
  'xclient',
]);

// What is empty is not told.
const nobody = { address: '', port: 0, localAddress: '', localPort: 0, sessionId: '' } as const;

/** Connects to a mailbox server and logs in there as the client. Rejects for faults only; only `accepted` leaves a socket open. */
export async function logInAtServer(plan: ServerLoginPlan): Promise<ServerLogin> {
  const { endpoint, credentials, protocol } = plan;
  const opened = await secured(plan, () => openConnection(plan));
  if (opened.kind !== 'open') return opened;
  const dialogue = protocol.createServerDialogue({
    credentials,
    auth: endpoint.auth,
    tls: endpoint.tls,
    client: originOf(plan),
  });
  return new Promise((settle, fail) => new ServerSide(plan, dialogue, opened.socket, settle, fail).start());
}

class ServerSide implements ByteSink {
  readonly #plan: ServerLoginPlan;
  readonly #dialogue: ServerDialogue;
  readonly #settle: (login: ServerLogin) => void;
  readonly #fault: (error: unknown) => void;
  readonly #timer: NodeJS.Timeout;
  readonly #onAbort = (): void => this.#end({ kind: 'aborted' });
  #socket: Socket;
  #isOver = false;

  constructor(
    plan: ServerLoginPlan,
    dialogue: ServerDialogue,
    socket: Socket,
    settle: (login: ServerLogin) => void,
    fault: (error: unknown) => void,
  ) {
    this.#plan = plan;
    this.#dialogue = dialogue;
    this.#socket = socket;
    this.#settle = settle;
    this.#fault = fault;
    this.#timer = setTimeout(() => this.#endWith('early'), Math.max(0, plan.endAtMs - performance.now()));
  }

  start(): void {
    const { signal } = this.#plan;
    signal.addEventListener('abort', this.#onAbort);
    if (signal.aborted) this.#onAbort();
    else startReading(this.#socket, this);
  }

  takeBytes(chunk: Buffer): void {
    try {
      const stage = this.#stage('early');
      this.#take(this.#dialogue.receive(chunk), stage);
    } catch (error) {
      if (this.#close()) this.#fault(error);
    }
  }

  peerEnded(): void {
    this.#endWith('cut');
  }

  /** Writes what is due and takes the step. @param stage in which the server was before it said this */
  #take({ output, step }: ServerResult, stage: FailedStage): void {
    if (output.length > 0) this.#socket.write(output);
    switch (step.kind) {
      case 'read':
        return;
      case 'refused':
        this.#end({ kind: 'refused', stage: output.length > 0 ? 'late' : stage, failure: step.failure });
        return;
      case 'accepted':
        this.#end({ ...step, socket: this.#socket });
        return;
      case 'start-tls':
        this.#secure().catch((error: unknown) => {
          if (this.#close()) this.#fault(error);
        });
    }
  }

  async #secure(): Promise<void> {
    stopReading(this.#socket);
    const secure = await secured(this.#plan, () => startTls(this.#socket, tlsOptions(this.#plan)));
    if (secure.kind !== 'open') {
      this.#end(secure);
      return;
    }
    this.#socket = secure.socket;
    if (this.#isOver) {
      secure.socket.destroy();
      return;
    }
    this.#take(this.#dialogue.tlsStarted(), 'early');
    startReading(this.#socket, this);
  }

  /** `before` as long as no credential was sent. */
  #stage(before: 'cut' | 'early'): FailedStage {
    return earlyStates.has(this.#dialogue.stateName) ? before : 'late';
  }

  #endWith(before: 'cut' | 'early'): void {
    this.#end({ kind: 'refused', stage: this.#stage(before), failure: this.#dialogue.closed() });
  }

  #end(login: ServerLogin): void {
    if (!this.#close()) return;
    if (login.kind !== 'accepted') this.#socket.destroy();
    this.#settle(login);
  }

  /** False when it was over already. */
  #close(): boolean {
    if (this.#isOver) return false;
    this.#isOver = true;
    clearTimeout(this.#timer);
    this.#plan.signal.removeEventListener('abort', this.#onAbort);
    stopReading(this.#socket);
    return true;
  }
}

function openConnection(plan: ServerLoginPlan): Promise<Socket> {
  const { host, endpoint, client, signal } = plan;
  const { verify, ca, serverName, port, proxyProtocol } = endpoint;
  const tls = endpoint.tls === 'implicit' ? 'implicit' : 'none';
  const preface = proxyProtocol === 'none' ? null : writeProxyHeader(proxyProtocol, client);
  return connectTo({ host, port, tls, verify, ca, serverName, timeoutMs: remainingMs(plan), signal, preface });
}

/** What the server hears of the client; in any case how many proxies may follow, or a loop of them would go on and on. */
function originOf({ endpoint, client, sessionId, proxyTtl }: ServerLoginPlan): ClientOrigin {
  if (endpoint.clientAddress !== 'id' && endpoint.clientAddress !== 'xclient') return { ...nobody, proxyTtl };
  const { clientAddress: address, clientPort: port, localAddress, localPort } = client;
  return { address, port, localAddress, localPort, sessionId, proxyTtl };
}

function tlsOptions(plan: ServerLoginPlan): Parameters<typeof startTls>[1] {
  const { verify, ca, serverName, port } = plan.endpoint;
  const timeoutMs = remainingMs(plan);
  return { verify, ca, serverName, port, host: plan.host, signal: plan.signal, timeoutMs };
}

const remainingMs = (plan: ServerLoginPlan): number => Math.max(1, plan.connectEndAtMs - performance.now());

/** A connection or handshake, its failures as outcomes. */
async function secured(plan: ServerLoginPlan, open: () => Promise<Socket>): Promise<Opened> {
  try {
    return { kind: 'open', socket: await open() };
  } catch (error) {
    if (plan.signal.aborted) return { kind: 'aborted' };
    if (!(error instanceof ConnectFailure)) throw error;
    const wasCut = isCut(error);
    const kind = error.stage === 'tls' && !wasCut ? 'configuration' : 'connect';
    return { kind: 'refused', stage: wasCut ? 'cut' : 'early', failure: { kind, detail: error.message } };
  }
}

/** Whether the server hung up, as it does while it restarts; a TLS failure without a cause is a connection that ended. */
function isCut({ stage, code, cause }: ConnectFailure): boolean {
  return code === null ? stage === 'tls' && cause === undefined : cutCodes.has(code);
}
