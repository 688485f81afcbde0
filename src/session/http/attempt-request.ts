import type { Agent, ClientRequest, IncomingMessage, ServerResponse } from 'node:http';
import { Stream } from 'node:stream';
import httpProxy from 'http-proxy';
import type { AskedRequest } from './asked-request.js';
import { type Candidate, logNotConnected } from './candidates.js';
import type { Exchange } from './exchange.js';
import { forwardAnswer } from './forward-answer.js';
import { requestHeaders } from './forwarded-headers.js';
import { connectTimeoutMs } from './server-agents.js';

/** A request that is to be carried to a server. */
export interface Carried {
  readonly exchange: Exchange;
  readonly asked: AskedRequest;
  readonly response: ServerResponse;
  /** Whether the client waits for 100 before it sends the body (RFC 9110 §10.1.1). */
  readonly greeting: 'none' | 'continue';
}

/**
 * What came of it: the server answers; it could not be connected to; it broke off, and the request may be sent again or
 * may not; or the client left.
 */
export type AttemptEnd = 'answering' | 'not-connected' | 'broken-repeatable' | 'broken' | 'over';

// Longer than the longest long poll: an hour, of ActiveSync.
const serverSilenceTimeoutMs = 2 * 3_600_000;
// Beyond the time to connect, a connection is waited for that becomes free.
const connectionWaitMs = 2 * connectTimeoutMs;

// RFC 9110 §9.2.2: these may be sent twice.
const repeatable = new Set(['GET', 'HEAD', 'OPTIONS', 'PROPFIND', 'REPORT', 'SEARCH']);

const proxy = httpProxy.createProxyServer({
  selfHandleResponse: true,
  toProxy: true,
  ignorePath: true,
  proxyTimeout: serverSilenceTimeoutMs,
});

/** http-proxy pipes this into its request to the server as soon as it has made one, before anything is sent. */
class RequestBody extends Stream {
  readonly #carry: (request: ClientRequest) => void;

  constructor(carry: (request: ClientRequest) => void) {
    super();
    this.#carry = carry;
  }

  override pipe<T extends NodeJS.WritableStream>(destination: T): T {
    this.#carry(destination as unknown as ClientRequest);
    return destination;
  }
}

/** Sends a request to one server; its body only once the server is connected. */
export function attemptRequest(carried: Carried, candidate: Candidate, agent: Agent): Promise<AttemptEnd> {
  const { exchange, asked, response } = carried;
  const { request, connection, requestId } = exchange;
  const { target, endpoint } = candidate;
  return new Promise((resolve) => {
    const attempt = new Attempt(carried, candidate, resolve);
    const client = { address: connection.clientAddress, proto: connection.scheme };
    request.headers = requestHeaders(attempt.rawHeaders, {
      requestId,
      host: asked.host,
      client: endpoint.clientAddress === 'forwarded' ? client : null,
      isUpgrade: false,
    });
    const buffer = new RequestBody((serverRequest) => attempt.begin(serverRequest));
    const place = { host: target.host, port: target.port, protocol: 'http:' };
    proxy.web(request, response, { target: place, agent, buffer }, (error) => attempt.fail(error));
  });
}

class Attempt {
  readonly #carried: Carried;
  readonly #candidate: Candidate;
  readonly #resolve: (end: AttemptEnd) => void;
  #phase: 'connecting' | 'sent' | 'settled' = 'connecting';
  #deadline: NodeJS.Timeout | null = null;

  constructor(carried: Carried, candidate: Candidate, resolve: (end: AttemptEnd) => void) {
    this.#carried = carried;
    this.#candidate = candidate;
    this.#resolve = resolve;
  }

  get rawHeaders(): readonly string[] {
    return this.#carried.exchange.request.rawHeaders;
  }

  begin(serverRequest: ClientRequest): void {
    const { exchange, asked } = this.#carried;
    // http-proxy would join and shorten the path, and would call the body of a DELETE empty.
    serverRequest.path = asked.target;
    if (asked.framing === 'chunked') {
      serverRequest.removeHeader('content-length');
      serverRequest.setHeader('transfer-encoding', 'chunked');
    }
    serverRequest.once('socket', () => this.#send(serverRequest));
    serverRequest.once('response', (answer: IncomingMessage) => {
      this.#settle('answering');
      forwardAnswer(exchange, this.#carried.response, answer);
    });
    this.#deadline = setTimeout(() => {
      this.fail(new Error(`no connection was free within ${connectionWaitMs} ms`));
      serverRequest.destroy();
    }, connectionWaitMs);
    exchange.whenOver(() => {
      this.#settle('over');
      if (!serverRequest.destroyed) serverRequest.destroy();
    });
  }

  fail(error: Error): void {
    const { exchange, asked } = this.#carried;
    switch (this.#phase) {
      case 'settled':
        return;
      case 'connecting':
        if (!exchange.isOver) logNotConnected(exchange, this.#candidate, error);
        this.#settle('not-connected');
        return;
      case 'sent': {
        const isRepeatable = asked.framing === 'none' && repeatable.has(exchange.request.method ?? '');
        this.#settle(isRepeatable ? 'broken-repeatable' : 'broken');
      }
    }
  }

  #send(serverRequest: ClientRequest): void {
    if (this.#phase !== 'connecting') return;
    const { exchange, asked, response, greeting } = this.#carried;
    this.#phase = 'sent';
    if (this.#deadline !== null) clearTimeout(this.#deadline);
    if (asked.framing === 'none') {
      serverRequest.end();
      return;
    }
    if (greeting === 'continue') response.writeContinue();
    exchange.request.pipe(serverRequest);
  }

  #settle(end: AttemptEnd): void {
    if (this.#phase === 'settled') return;
    this.#phase = 'settled';
    if (this.#deadline !== null) clearTimeout(this.#deadline);
    this.#resolve(end);
  }
}
