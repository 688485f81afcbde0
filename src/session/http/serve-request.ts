import type { IncomingMessage, ServerResponse } from 'node:http';
import { reasonOf } from '../../errors.js';
import { type Answer, answerOf, failed, sendAnswer, startAnswer } from './answers.js';
import { readRequest } from './asked-request.js';
import type { Carried } from './attempt-request.js';
import { Exchange } from './exchange.js';
import type { HttpConnection } from './http-connection.js';
import { proxyRequest } from './proxy-request.js';
import { routeRequest } from './route-request.js';
import type { WebDoor } from './web-door.js';

// What is left of a body is taken for so long, so that a client that sends before it reads comes to its answer.
const unreadBodyTimeoutMs = 2000;

/** Answers one request or has it answered by a server. Never rejects. */
export async function serveRequest(
  door: WebDoor,
  connection: HttpConnection,
  request: IncomingMessage,
  response: ServerResponse,
  greeting: Carried['greeting'],
): Promise<void> {
  const exchange = new Exchange(door, connection, request, response);
  response.once('close', () => exchange.finish());
  try {
    const answer = await serve(exchange, response, greeting);
    if (answer !== null && !exchange.isOver) answerHere(exchange, response, answer);
  } catch (error) {
    const fields = { listener: door.listener, requestId: exchange.requestId, reason: reasonOf(error) };
    door.services.log.error(fields, 'web request failed');
    if (response.headersSent) response.destroy();
    else answerHere(exchange, response, failed);
  }
}

async function serve(
  exchange: Exchange,
  response: ServerResponse,
  greeting: Carried['greeting'],
): Promise<Answer | null> {
  const read = readRequest(exchange.request);
  if (read.kind === 'refused') return read.answer;
  const { asked } = read;
  exchange.asks(asked);
  const routed = routeRequest(exchange.door.services, asked);
  exchange.follow(routed);
  if (routed.decision.outcome !== 'proxy') return answerOf(routed.decision);
  return proxyRequest({ exchange, asked, response, greeting }, routed);
}

/** Answers for the front end; a body that has not come yet ends the connection. */
function answerHere({ connection, request, isUploading }: Exchange, response: ServerResponse, answer: Answer): void {
  if (!isUploading) {
    sendAnswer(response, answer, connection.isDraining ? 'close' : 'keep');
    return;
  }
  startAnswer(response, answer, 'close');
  const deadline = setTimeout(() => response.end(), unreadBodyTimeoutMs);
  request.once('close', () => {
    clearTimeout(deadline);
    response.end();
  });
  request.unpipe();
  request.resume();
}
