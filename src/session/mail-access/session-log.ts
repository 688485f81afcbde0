import { isIPv6 } from 'node:net';
import type { LogFields, Logger } from '../../observability/log.js';
import type { LoginFailure, LoginFailureKind } from '../../protocols/sasl/login-protocol.js';
import type { ClientConnection } from '../admit-connection.js';
import type { EndedBy, MailSession } from './mail-session.js';
import { type Route, traceWords } from './route-login.js';

const levels: Readonly<Record<LoginFailureKind, 'info' | 'warn' | 'error'>> = {
  connect: 'warn',
  internal: 'error',
  configuration: 'warn',
  remote: 'warn',
  'remote-configuration': 'warn',
  protocol: 'warn',
  authentication: 'info',
  'authentication-temporary': 'warn',
  limit: 'warn',
  moving: 'info',
  'out-of-service': 'info',
};
// A mail address has 254 bytes at most (RFC 5321 §4.5.3.1.3); what is longer is noise.
const userLengthMax = 320;

/** What a conversation writes to the log; client bytes stand in fields only, a password in none. */
export class SessionLog {
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
    route: Route & { kind: 'server' },
    tls: { client: string | null; server: string | null },
  ): void {
    const { mailbox, target, decision } = route;
    const where = { mailbox, server: target.server, reason: decision.reason, trace: traceWords(decision) };
    this.#log.info({ ...this.#who(user), ...where, tls: tls.client, serverTls: tls.server }, 'login accepted');
  }

  refused(user: string, failure: LoginFailure, route: Route | null): void {
    const { kind, code = null, detail = null } = failure;
    const server = route?.kind === 'server' ? route.target.server : null;
    const decision = route && { reason: route.decision.reason, trace: traceWords(route.decision) };
    this.#log[levels[kind]]({ ...this.#who(user), server, kind, code, detail, ...decision }, 'login refused');
  }

  fault(error: unknown): void {
    this.#log.error({ ...this.#who(), error: error instanceof Error ? error.stack : String(error) }, 'fault');
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
    const { protocol, clientAddress } = this.#session;
    const host = isIPv6(clientAddress) ? `[${clientAddress}]` : clientAddress;
    const client = this.#clientPort === null ? host : `${host}:${this.#clientPort}`;
    const who = { protocol, listener: this.#listener, client };
    return user === undefined ? who : { ...who, user: user.slice(0, userLengthMax) };
  }
}
