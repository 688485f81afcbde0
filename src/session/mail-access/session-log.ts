import type { Relayed } from '../../net/relay.js';
import type { LogFields, Logger } from '../../observability/log.js';
import type { ClientConnection } from '../admit-connection.js';
import { failureEffects } from './failure-effects.js';
import type { LoginRefused } from './log-in.js';
import type { EndedBy, MailSession, RelayLog } from './mail-session.js';
import { type RouteToServer, traceWords } from './route-login.js';

// A mail address has 254 bytes at most (RFC 5321 §4.5.3.1.3); what is longer is noise.
const userLengthMax = 320;

/** What a conversation writes to the log; client bytes stand in fields only, a password in none. */
export class SessionLog implements RelayLog {
  readonly #log: Logger;
  readonly #listener: string;
  readonly #session: MailSession;
  #clientPort: number | null = null;

  constructor(log: Logger, listener: string, session: MailSession) {
    this.#log = log;
    this.#listener = listener;
    this.#session = session;
  }

  admitted({ clientPort }: ClientConnection): void {
    this.#clientPort = clientPort;
  }

  accepted(
    user: string,
    { mailbox, decision }: RouteToServer,
    server: string,
    tls: { readonly client: string | null; readonly server: string | null },
  ): void {
    const where = { mailbox, server, reason: decision.reason, trace: traceWords(decision) };
    this.#log.info({ ...this.#who(user), ...where, tls: tls.client, serverTls: tls.server }, 'login accepted');
  }

  refused(user: string, { failure, route, server }: LoginRefused): void {
    const { kind, code = null, detail = null } = failure;
    const decision = route && { reason: route.decision.reason, trace: traceWords(route.decision) };
    const fields = { ...this.#who(user), server, kind, code, detail, ...decision };
    this.#log[failureEffects[kind].level](fields, 'login refused');
  }

  fault(error: unknown): void {
    this.#log.error({ ...this.#who(), error: error instanceof Error ? error.stack : String(error) }, 'fault');
  }

  relayed(by: EndedBy, { reason, bytesFromClient, bytesFromServer }: Relayed): void {
    this.ended(by, reason, { fromClient: bytesFromClient, fromServer: bytesFromServer });
  }

  /** A connection that ended before a login is worth a line only where the client did not simply go away. */
  ended(by: EndedBy, detail: string | null, bytes: { fromClient: number; fromServer: number }): void {
    const { user, server, startedAtMs } = this.#session;
    const durationMs = Date.now() - startedAtMs;
    const fields: LogFields = {
      ...this.#who(user ?? undefined),
      server,
      bytesFromClient: bytes.fromClient,
      bytesFromServer: bytes.fromServer,
      endedBy: by,
      detail,
      durationMs,
    };
    const level = user === null && by === 'client' ? 'debug' : 'info';
    this.#log[level](fields, 'connection ended');
  }

  #who(user?: string): LogFields {
    const { protocol, id, clientAddress } = this.#session;
    const host = clientAddress.includes(':') ? `[${clientAddress}]` : clientAddress;
    const client = this.#clientPort === null ? host : `${host}:${this.#clientPort}`;
    const who = { protocol, listener: this.#listener, session: id, client };
    return user === undefined ? who : { ...who, user: user.slice(0, userLengthMax) };
  }
}
