import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { LogFields } from '../../observability/log.js';
import type { Target } from '../../routing/decision.js';
import type { AskedRequest } from './asked-request.js';
import type { HttpConnection, RunningRequest } from './http-connection.js';
import type { Routed } from './route-request.js';
import type { WebDoor } from './web-door.js';

/** How a request ended: with an answer that was sent to its end, or cut off before. */
export type ExchangeEnd = 'answered' | 'aborted';

const loggedPathMax = 1000;

/** One request at the door, from its head to the last byte of its answer; leaves one line in the log. */
export class Exchange implements RunningRequest {
  readonly requestId = randomUUID();
  readonly door: WebDoor;
  readonly connection: HttpConnection;
  readonly request: IncomingMessage;
  /** The status that an upgraded connection was told; null before. */
  upgradeStatus: number | null = null;
  readonly #response: ServerResponse | null;
  #asked: AskedRequest | null = null;
  #routed: Routed | null = null;
  #server: string | null = null;
  #end: ExchangeEnd | null = null;
  readonly #startedAtMs = performance.now();
  readonly #releases: (() => void)[] = [];
  readonly #announcesBody: boolean;

  /** `response` is null for an upgrade, which is answered on the bare connection. */
  constructor(door: WebDoor, connection: HttpConnection, request: IncomingMessage, response: ServerResponse | null) {
    this.door = door;
    this.connection = connection;
    this.request = request;
    this.#response = response;
    const { headers } = request;
    this.#announcesBody = headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? '0') > 0;
    connection.begin(this);
  }

  get isUploading(): boolean {
    return this.#announcesBody && !this.request.complete;
  }

  get isOver(): boolean {
    return this.#end !== null;
  }

  asks(asked: AskedRequest): void {
    this.#asked = asked;
    this.connection.user = asked.user;
  }

  follow(routed: Routed): void {
    this.#routed = routed;
  }

  goesTo(target: Target): void {
    this.#server = target.server;
    this.connection.server = target.server;
  }

  /** What is to be let go when the exchange is over, however it ends; at once when it is. */
  whenOver(release: () => void): void {
    if (this.isOver) release();
    else this.#releases.push(release);
  }

  /** The answer is out, or never will be. */
  finish(): void {
    if (this.#end !== null) return;
    const response = this.#response;
    const isAnswered = response === null ? this.upgradeStatus !== null : response.writableFinished;
    this.#end = isAnswered ? 'answered' : 'aborted';
    for (const release of this.#releases) release();
    this.door.services.log.info(this.#logFields(this.#end), 'web request');
    this.connection.finish(this);
  }

  // The path alone: a query may hold secrets.
  #logFields(end: ExchangeEnd): LogFields {
    const { received, sent } = this.connection.countBytes();
    const decision = this.#routed?.decision;
    const status = this.#response?.headersSent === true ? this.#response.statusCode : this.upgradeStatus;
    return {
      listener: this.door.listener,
      client: this.connection.clientAddress,
      requestId: this.requestId,
      method: this.request.method,
      path: (this.request.url ?? '').replace(/[?#].*$/s, '').slice(0, loggedPathMax),
      status,
      end,
      user: this.#asked?.user ?? null,
      server: this.#server,
      outcome: decision?.outcome ?? null,
      reason: decision?.reason ?? null,
      trace: decision?.trace ?? [],
      bytesReceived: received,
      bytesSent: sent,
      durationMs: Math.round(performance.now() - this.#startedAtMs),
    };
  }
}
