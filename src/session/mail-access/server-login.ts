import type { Buffer } from 'node:buffer';
import type { Socket } from 'node:net';
import { connectTo } from '../../net/connect.js';
import { ConnectFailure } from '../../net/connect-failure.js';
import { startTls } from '../../net/start-tls.js';
import { writeProxyHeader } from '../../net/write-proxy-header.js';
import type {
  Credentials,
  LoginFailure,
  LoginProtocol,
  ServerDialogue,
  ServerResult,
} from '../../protocols/sasl/login-protocol.js';
import type { Endpoint } from '../../topology/endpoints.js';
import type { ClientConnection } from '../admit-connection.js';
import { nextChunk } from './next-chunk.js';

export interface ServerLoginPlan {
  readonly protocol: LoginProtocol;
  readonly host: string;
  readonly endpoint: Endpoint;
  readonly credentials: Credentials;
  readonly client: ClientConnection;
  /** By `performance.now()`: for the connection with its handshake, and for everything. */
  readonly connectEndAtMs: number;
  readonly endAtMs: number;
  readonly signal: AbortSignal;
}

export type ServerLogin =
  | {
      readonly kind: 'accepted';
      readonly socket: Socket;
      readonly text: string;
      readonly untagged: Buffer;
      readonly pending: Buffer;
    }
  /** `lost`: the connection was refused or cut before a credential was sent, so that another attempt does no harm. */
  | { readonly kind: 'refused' | 'lost'; readonly failure: LoginFailure }
  | { readonly kind: 'aborted' };

type Opened = { readonly kind: 'open'; readonly socket: Socket } | ServerLogin;

const cutCodes: ReadonlySet<string> = new Set(['ECONNREFUSED', 'ECONNRESET', 'EPIPE']);
// States in which the server has, or may have, seen the password.
const statesWithCredentials: ReadonlySet<string> = new Set(['login', 'login-capability', 'over']);

/** Connects to a mailbox server and logs in there as the client. Rejects for faults only; only `accepted` leaves a socket open. */
export async function logInAtServer(plan: ServerLoginPlan): Promise<ServerLogin> {
  const { endpoint, client, credentials, protocol } = plan;
  const opened = await secured(plan, () => openConnection(plan));
  if (opened.kind !== 'open') return opened;
  const told = endpoint.clientAddress === 'id' || endpoint.clientAddress === 'xclient';
  const dialogue = protocol.createServerDialogue({
    credentials,
    tls: endpoint.tls,
    ...(told && { clientAddress: { address: client.clientAddress, port: client.clientPort } }),
  });
  return new ServerSide(plan, dialogue, opened.socket).converse();
}

class ServerSide {
  readonly #plan: ServerLoginPlan;
  readonly #dialogue: ServerDialogue;
  #socket: Socket;

  constructor(plan: ServerLoginPlan, dialogue: ServerDialogue, socket: Socket) {
    this.#plan = plan;
    this.#dialogue = dialogue;
    this.#socket = socket;
  }

  async converse(): Promise<ServerLogin> {
    let outcome: ServerLogin | undefined;
    try {
      outcome = await this.#converse();
      return outcome;
    } finally {
      if (outcome?.kind !== 'accepted') this.#socket.destroy();
    }
  }

  async #converse(): Promise<ServerLogin> {
    const { endAtMs, signal } = this.#plan;
    for (;;) {
      const chunk = await nextChunk(this.#socket, endAtMs, signal);
      switch (chunk.kind) {
        case 'aborted':
          return chunk;
        case 'timeout':
          return { kind: 'refused', failure: this.#dialogue.closed() };
        case 'ended':
          return { kind: this.#isHarmless() ? 'lost' : 'refused', failure: this.#dialogue.closed() };
        case 'bytes': {
          const outcome = await this.#take(this.#dialogue.receive(chunk.bytes));
          if (outcome) return outcome;
        }
      }
    }
  }

  /** Writes what is due and takes the step; undefined to read on. */
  async #take({ output, step }: ServerResult): Promise<ServerLogin | undefined> {
    if (output.length > 0) this.#socket.write(output);
    switch (step.kind) {
      case 'read':
        return undefined;
      case 'refused':
        return step;
      case 'accepted':
        return { ...step, socket: this.#socket };
      case 'start-tls':
        break;
    }
    const secure = await secured(this.#plan, () => startTls(this.#socket, tlsOptions(this.#plan)));
    if (secure.kind !== 'open') return secure;
    this.#socket = secure.socket;
    return this.#take(this.#dialogue.tlsStarted());
  }

  #isHarmless(): boolean {
    return !statesWithCredentials.has(this.#dialogue.stateName);
  }
}

async function openConnection(plan: ServerLoginPlan): Promise<Socket> {
  const { host, endpoint, client, signal } = plan;
  const { verify, ca, serverName, port, proxyProtocol } = endpoint;
  const isImplicit = endpoint.tls === 'implicit';
  const timeoutMs = remainingMs(plan);
  if (proxyProtocol === 'none') {
    const tls = isImplicit ? 'implicit' : 'none';
    return connectTo({ host, port, tls, verify, ca, serverName, timeoutMs, signal });
  }
  const socket = await connectTo({ host, port, tls: 'none', verify, ca, serverName, timeoutMs, signal });
  socket.write(writeProxyHeader(proxyProtocol, client));
  return isImplicit ? startTls(socket, tlsOptions(plan)) : socket;
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
    return { kind: wasCut ? 'lost' : 'refused', failure: { kind, detail: error.message } };
  }
}

/** Whether the server hung up, as it does while it restarts; a TLS failure without a cause is a connection that ended. */
function isCut({ stage, code, cause }: ConnectFailure): boolean {
  return code === null ? stage === 'tls' && cause === undefined : cutCodes.has(code);
}
