import { Agent, type ClientRequest, type IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import httpProxy from 'http-proxy';
import { reasonOf } from '../../errors.js';
import { connectTo } from '../../net/connect.js';
import { ConnectFailure } from '../../net/connect-failure.js';
import { keepErrorsHandled } from '../../net/keep-errors-handled.js';
import { type Answer, answerBytes, answerOf, brokenOff, failed } from './answers.js';
import { type AskedRequest, readRequest } from './asked-request.js';
import { type Candidate, candidates, logNotConnected } from './candidates.js';
import { Exchange } from './exchange.js';
import { requestHeaders, responseHeaders } from './forwarded-headers.js';
import type { HttpConnection } from './http-connection.js';
import { routeRequest } from './route-request.js';
import { connectionOptions } from './server-agents.js';
import type { WebDoor } from './web-door.js';

const handshakeTimeoutMs = 30_000;
const idleTimeoutMs = 3_600_000;

/** Hands a connection on that a client wants to make a WebSocket; other upgrades are refused. Never rejects. */
export async function serveUpgrade(
  door: WebDoor,
  connection: HttpConnection,
  request: IncomingMessage,
  head: Buffer,
): Promise<void> {
  const { socket } = connection;
  const exchange = new Exchange(door, connection, request, null);
  // The parser has let the connection go, with it its listeners.
  keepErrorsHandled(socket);
  try {
    const answer = await serve(exchange, head);
    if (answer !== null) refuse(exchange, answer);
  } catch (error) {
    const fields = { listener: door.listener, requestId: exchange.requestId, reason: reasonOf(error) };
    door.services.log.error(fields, 'web request failed');
    refuse(exchange, failed);
  }
}

async function serve(exchange: Exchange, head: Buffer): Promise<Answer | null> {
  const { request, door } = exchange;
  const isWebSocket = request.headers.upgrade?.trim().toLowerCase() === 'websocket';
  if (!isWebSocket) return { status: 501, text: 'only WebSocket is understood as an upgrade' };
  const read = readRequest(request);
  if (read.kind === 'refused') return read.answer;
  const { asked } = read;
  // RFC 6455 §4.1: a GET; a body could be taken for frames.
  if (request.method !== 'GET' || asked.framing !== 'none') return { status: 400, text: 'no WebSocket handshake' };
  exchange.asks(asked);
  const routed = routeRequest(door.services, asked);
  exchange.follow(routed);
  if (routed.decision.outcome !== 'proxy') return answerOf(routed.decision);
  const servers = candidates(exchange, asked, routed);
  for (;;) {
    const next = servers.next();
    if (next.done === true) return next.value;
    const server = await connect(exchange, next.value);
    if (exchange.isOver) {
      server?.destroy();
      return null;
    }
    if (server === null) continue;
    join(exchange, asked, head, { ...next.value, server });
    return null;
  }
}

async function connect(exchange: Exchange, candidate: Candidate): Promise<Socket | null> {
  const { target, endpoint } = candidate;
  try {
    return await connectTo(connectionOptions(endpoint, target.host, target.port));
  } catch (error) {
    if (!(error instanceof ConnectFailure)) throw error;
    logNotConnected(exchange, candidate, error);
    return null;
  }
}

interface Joint extends Candidate {
  readonly server: Socket;
}

/** Leaves handshake and frames to http-proxy, and the lives of the two connections to each other. */
function join(exchange: Exchange, asked: AskedRequest, head: Buffer, { server, endpoint, target }: Joint): void {
  const { request, connection, requestId } = exchange;
  const { socket } = connection;
  for (const side of [socket, server]) side.allowHalfOpen = false;
  socket.once('close', () => server.destroySoon());
  server.once('close', () => socket.destroySoon());
  const deadline = setTimeout(() => server.destroy(), handshakeTimeoutMs);
  exchange.whenOver(() => clearTimeout(deadline));
  const client = { address: connection.clientAddress, proto: connection.scheme };
  request.headers = requestHeaders(request.rawHeaders, {
    requestId,
    host: asked.host,
    client: endpoint.clientAddress === 'forwarded' ? client : null,
    isUpgrade: true,
  });
  const proxy = httpProxy.createProxyServer({ toProxy: true, ignorePath: true });
  proxy.on('proxyReqWs', (serverRequest: ClientRequest) => {
    serverRequest.path = asked.target;
    serverRequest.once('response', (answer: IncomingMessage) => {
      clearTimeout(deadline);
      exchange.upgradeStatus = answer.statusCode ?? null;
      answer.headers = refusalHeaders(answer.rawHeaders);
    });
  });
  proxy.on('open', () => {
    clearTimeout(deadline);
    exchange.upgradeStatus = 101;
    for (const side of [socket, server]) side.setTimeout(idleTimeoutMs, () => side.destroy());
  });
  const place = { host: target.host, port: target.port, protocol: 'http:' };
  proxy.ws(request, socket, head, { target: place, agent: new GivenSocket(server) }, () => {
    if (exchange.upgradeStatus === null) refuse(exchange, brokenOff);
  });
}

/** Gives a request the connection that was made for it. */
class GivenSocket extends Agent {
  readonly #socket: Socket;

  constructor(socket: Socket) {
    super();
    this.#socket = socket;
  }

  override createConnection(): Socket {
    return this.#socket;
  }
}

// http-proxy writes a refusal's body as it is, whatever the coding it came in; its end is the connection's.
function refusalHeaders(raw: readonly string[]): IncomingMessage['headers'] {
  const fields = responseHeaders(raw);
  const headers = new Map<string, string | string[]>();
  for (let index = 0; index + 1 < fields.length; index += 2) {
    const name = (fields[index] ?? '').toLowerCase();
    const before = headers.get(name);
    const value = fields[index + 1] ?? '';
    headers.set(name, before === undefined ? value : [before, value].flat());
  }
  return Object.fromEntries(headers.set('connection', 'close'));
}

function refuse(exchange: Exchange, answer: Answer): void {
  const { socket } = exchange.connection;
  exchange.upgradeStatus = answer.status;
  socket.end(answerBytes(answer));
  socket.destroySoon();
}
