import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { systemCodeOf } from '../../errors.js';
import { type Answer, answerBytes } from './answers.js';
import type { Carried } from './attempt-request.js';

/** Who takes what comes in on the connections of a web server. */
export interface WebServerEvents {
  onRequest(request: IncomingMessage, response: ServerResponse, greeting: Carried['greeting']): void;
  onUpgrade(request: IncomingMessage, head: Buffer): void;
  /** Bytes that are no request. Whether they may be answered: nothing else is on its way to the client. */
  onMalformed(socket: Socket, answer: Answer): 'answer' | 'drop';
  /** Nothing moved on a connection for a while. */
  onSilence(socket: Socket): void;
}

const headerBytesMax = 65_536;
const checkIntervalMs = 1000;
const silenceTimeoutMs = 120_000;

/** The HTTP server behind a web door: it never listens; connections are given to it by `connection` events. */
export function createWebServer(events: WebServerEvents): Server {
  const server = createServer({
    maxHeaderSize: headerBytesMax,
    insecureHTTPParser: false,
    requestTimeout: 0,
    connectionsCheckingInterval: checkIntervalMs,
  });
  // Fields beyond a count would be dropped unseen; the header's size bounds them.
  server.maxHeadersCount = 0;
  server.timeout = silenceTimeoutMs;
  server.on('request', (request, response) => events.onRequest(request, response, 'none'));
  server.on('checkContinue', (request, response) => events.onRequest(request, response, 'continue'));
  server.on('upgrade', (request, _socket, head) => events.onUpgrade(request, head));
  server.on('timeout', (socket) => events.onSilence(socket));
  server.on('clientError', (error, socket) => refuse(events, error, socket));
  // Node starts to watch the deadlines of heads when a server says that it listens.
  server.emit('listening');
  return server;
}

function refuse(events: WebServerEvents, error: Error, stream: Duplex): void {
  const socket = stream as Socket;
  const answer = answerTo(error);
  if (answer === null || !socket.writable || events.onMalformed(socket, answer) === 'drop') {
    socket.destroy();
    return;
  }
  socket.end(answerBytes(answer));
  socket.destroySoon();
}

function answerTo(error: Error): Answer | null {
  switch (systemCodeOf(error)) {
    case 'ECONNRESET':
    case 'EPIPE':
      return null;
    case 'HPE_HEADER_OVERFLOW':
      return { status: 431, text: 'the header is too large' };
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return { status: 408, text: 'the request did not come in time' };
    default:
      return { status: 400, text: 'the request is malformed' };
  }
}
