import type { Socket } from 'node:net';
import { reasonOf } from '../../errors.js';
import { answerFields } from '../../protocols/http/head-writer.js';
import type { AnswerHead, FieldLines } from '../../protocols/http/http-message.js';
import { bodyCanName, bodyHintBytesMax, type HintRule } from '../../routing/client-hints.js';
import type { Target } from '../../routing/decision.js';
import { type Answer, answerOf, brokenOff, failed, partsOf } from './answers.js';
import { type AskedRequest, readRequest, withBody } from './asked-request.js';
import type { ClientEvents, ClientSide } from './client-side.js';
import { ExchangeFacts } from './exchange-facts.js';
import { httpsRedirect } from './https-redirect.js';
import { ownFields } from './own-fields.js';
import { saysPersistentAuth } from './persistent-auth.js';
import { reachServer } from './reach-server.js';
import { recordOf } from './record-of.js';
import { RequestBody } from './request-body.js';
import type { ServerConnection } from './server-connection.js';
import { type AnswerOwner, type ServerLoss, serverRequestOf } from './server-request.js';
import { openTunnel } from './tunnel.js';
import type { WebClient } from './web-client.js';
import type { WebDoor } from './web-door.js';

/**
 * Where a request is: its body is read for whom it names; a server is being reached; it was sent; its answer comes; the
 * answer is whole and the rest of the body is not; or it is over.
 */
type Phase = 'naming' | 'reaching' | 'sent' | 'answering' | 'answered' | 'over';

// RFC 9110 §9.2.2: these may be sent twice.
const repeatable = new Set(['GET', 'HEAD', 'OPTIONS', 'PROPFIND', 'REPORT', 'SEARCH']);
const repeatsMax = 3;
// Who the client says that it is; other hints say whose mailbox it wants.
const namingRules = new Set<HintRule>(['user', 'bearer-token', 'forms-login']);

/** Takes a request that has come at a door. */
export function beginExchange(door: WebDoor, client: WebClient, side: ClientSide): ClientEvents {
  const exchange = new Exchange(door, client, side);
  exchange.begin();
  return exchange;
}

/** One request at a door, from its head to the last byte of its answer; leaves one record. */
export class Exchange implements ClientEvents, AnswerOwner {
  readonly door: WebDoor;
  readonly client: WebClient;
  readonly side: ClientSide;
  readonly facts = new ExchangeFacts();
  readonly body: RequestBody;
  #phase: Phase = 'reaching';
  #connection: ServerConnection | null = null;
  #countedAt: string | null = null;
  #repeats = 0;

  constructor(door: WebDoor, client: WebClient, side: ClientSide) {
    this.door = door;
    this.client = client;
    this.side = side;
    this.body = new RequestBody(side);
  }

  /** Whether its answer is out, or nobody waits for one. */
  get isOver(): boolean {
    return this.#phase === 'over' || this.#phase === 'answered';
  }

  begin(): void {
    this.#guard(() => this.#read());
  }

  #read(): void {
    const { services } = this.door;
    const snapshot = services.snapshot();
    const head = this.side.request;
    if (this.client.scheme === 'http' && this.door.settings(snapshot)?.redirectToHttps === true)
      return this.answer(httpsRedirect(head, snapshot));
    const read = readRequest(head, snapshot.topology, services.routeKeys(), Date.now());
    if (read.kind === 'refused') return this.answer(read.answer);
    const { asked } = read;
    this.#asks(asked);
    if (head.framing.kind === 'none' || !bodyCanName(asked.service, asked.request, asked.hints))
      return this.#route(asked);
    // The body may tell whom the request is for: its beginning is read before anything is sent on.
    this.#phase = 'naming';
    if (head.expectsContinue) this.side.sendInterim(100, []);
    this.side.resumeBody();
  }

  #named(): void {
    const { asked } = this.facts;
    if (asked === null) return;
    this.side.pauseBody();
    this.#phase = 'reaching';
    const named = withBody(asked, this.body.text);
    this.#asks(named);
    this.#route(named);
  }

  #asks(asked: AskedRequest): void {
    const named = asked.hints.find(({ rule }) => namingRules.has(rule))?.value;
    this.facts.asked = asked;
    this.facts.user = this.client.user = named ?? this.client.user;
  }

  #route(asked: AskedRequest): void {
    const routed = this.door.routes.decide(asked);
    this.facts.routed = routed;
    const { decision } = routed;
    if (decision.outcome !== 'proxy') this.answer(answerOf(decision));
    else reachServer(this, asked, routed);
  }

  /** Counts the request at a server; false: that one has as many to answer as it may. */
  enterServer(server: string, max: number | null): boolean {
    if (this.#countedAt === server) return true;
    this.#leaveServer();
    if (!this.door.pools.enter(server, max)) return false;
    this.#countedAt = server;
    return true;
  }

  #leaveServer(): void {
    if (this.#countedAt !== null) this.door.pools.leave(this.#countedAt);
    this.#countedAt = null;
  }

  tried(server: string, reason: string): void {
    this.facts.tried = [...this.facts.tried, { server, reason }];
  }

  /** Sends the request on a connection that is free. */
  send(connection: ServerConnection, target: Target, clientAddress: 'forwarded' | 'untold'): void {
    const { client, facts } = this;
    const { asked } = facts;
    if (asked === null || this.isOver) return connection.release();
    const request = serverRequestOf(this, asked, clientAddress);
    this.#connection = connection;
    this.#phase = 'sent';
    facts.server = client.server = target.server;
    connection.begin(this, request);
    if (request.body !== 'none') this.body.sendOn(connection);
  }

  /** Answers for the front end. */
  answer(answer: Answer): void {
    if (this.isOver) return;
    const { facts, side } = this;
    const { fields, body } = partsOf(answer);
    this.#begins(answer.status);
    const framing = { kind: 'length', length: body.length } as const;
    side.sendHead({ status: answer.status, reason: '', fields: [...fields, ...ownFields(this, null)], framing });
    if (side.request.method !== 'HEAD') {
      facts.bytesSent = body.length;
      side.sendData(body);
    }
    this.#end('answered', null);
    side.sendEnd([]);
  }

  #begins(status: number): void {
    this.facts.status = status;
    this.facts.firstByteAtMs = performance.now();
  }

  fault(error: unknown): void {
    const { log } = this.door.services;
    const { requestId, status } = this.facts;
    log.error({ listener: this.door.listener, requestId, reason: reasonOf(error) }, 'web request failed');
    if (this.isOver) return;
    this.#connection?.destroy();
    this.#letGo();
    if (status === null) this.answer(failed);
    else this.#breakOff('a fault of the front end');
  }

  #guard(step: () => void): void {
    try {
      step();
    } catch (error) {
      this.fault(error);
    }
  }

  // What the client's half tells.

  bodyData(chunk: Buffer): void {
    this.body.add(chunk);
    if (this.#phase === 'naming' && this.body.bytes >= bodyHintBytesMax) this.#guard(() => this.#named());
  }

  bodyEnd(trailers: FieldLines): void {
    this.body.end(trailers);
    if (this.#phase === 'naming') this.#guard(() => this.#named());
    else if (this.#phase === 'answered') this.#letGo();
  }

  clientDrained(): void {
    this.#connection?.resume();
  }

  clientGone(reason: string): void {
    this.#connection?.destroy();
    this.#letGo();
    if (!this.isOver) this.#end('aborted', reason);
    this.#phase = 'over';
  }

  // What the server's connection tells.

  answerInterim(head: AnswerHead): void {
    this.side.sendInterim(head.status, answerFields(head));
  }

  answerHead(head: AnswerHead): void {
    const { status, reason, framing } = head;
    this.#phase = 'answering';
    this.#begins(status);
    // A server that has authenticated a connection would take the next client for this one.
    if (saysPersistentAuth(head) && !this.client.bound.holds(this.#connection)) this.#connection?.retire();
    const own = ownFields(this, this.facts.server);
    const theirs = answerFields(head);
    this.side.sendHead({ status, reason, fields: own.length === 0 ? theirs : [...theirs, ...own], framing });
  }

  answerData(piece: Buffer): void {
    this.facts.bytesSent += piece.length;
    if (!this.side.sendData(piece)) this.#connection?.pause();
  }

  answerPaused(): void {
    this.side.flush();
  }

  answerEnd(trailers: FieldLines): void {
    if (this.body.isWhole) this.#letGo();
    this.#end('answered', null);
    this.side.sendEnd(trailers);
  }

  upgraded(head: AnswerHead, server: Socket, rest: Buffer): void {
    this.#letGo();
    const opened = openTunnel(this.side, head, server, rest, ({ bytesFromServer }) => {
      this.facts.bytesSent = bytesFromServer;
      this.#end('answered', null);
    });
    if (!opened) return this.#notAnswered('the server changed to a protocol that nobody asked for', 'unusable');
    this.#begins(head.status);
    this.#leaveServer();
  }

  serverDrained(): void {
    this.side.resumeBody();
  }

  serverLost(reason: string, loss: ServerLoss): void {
    const phase = this.#phase;
    this.#letGo();
    if (phase === 'sent') this.#notAnswered(reason, loss);
    else if (phase === 'answering') this.#breakOff(reason);
    // What is left of the body waits for nobody any more.
    else if (phase === 'answered') this.side.resumeBody();
  }

  /** Mostly the server has just closed the idle connection that was taken: what may be repeated is. */
  #notAnswered(reason: string, loss: ServerLoss): void {
    const { asked, routed, server } = this.facts;
    const { method, framing } = this.side.request;
    if (server !== null) this.tried(server, reason);
    this.facts.server = null;
    this.#leaveServer();
    const isRepeatable = loss === 'closed' && framing.kind === 'none' && repeatable.has(method);
    if (!isRepeatable || this.#repeats >= repeatsMax || asked === null || routed === null)
      return this.answer(brokenOff);
    this.#repeats += 1;
    this.#phase = 'reaching';
    this.#guard(() => reachServer(this, asked, routed, 'new-connection'));
  }

  #breakOff(reason: string): void {
    this.#connection?.destroy();
    this.#letGo();
    this.#end('aborted', reason);
    this.side.abort();
  }

  /** The server's connection is no longer ours. */
  #letGo(): void {
    this.#connection = null;
    this.body.drop();
    if (this.#phase === 'answered') this.#phase = 'over';
  }

  #end(end: 'answered' | 'aborted', reason: string | null): void {
    this.#phase = this.#connection === null ? 'over' : 'answered';
    if (this.#phase === 'over') this.body.drop();
    this.#leaveServer();
    this.door.services.recordRequest(recordOf(this, end, reason));
  }
}
