import type { IncomingMessage, ServerResponse } from 'node:http';
import { reasonOf } from '../../errors.js';
import { brokenOff, sendAnswer } from './answers.js';
import type { Exchange } from './exchange.js';
import { responseHeaders } from './forwarded-headers.js';

// A client that is answered before its body has come may finish it, so that the connection can be kept.
const restOfBodyTimeoutMs = 5000;

/** Passes a server's answer on; one that breaks off breaks the client's connection, so that nobody takes it for whole. */
export function forwardAnswer(exchange: Exchange, response: ServerResponse, answer: IncomingMessage): void {
  const { door, connection, requestId } = exchange;
  const headers = responseHeaders(answer.rawHeaders);
  if (connection.isDraining) headers.push('Connection', 'close');
  try {
    response.writeHead(answer.statusCode ?? 502, answer.statusMessage ?? '', headers);
  } catch (error) {
    answer.destroy();
    door.services.log.warn({ listener: door.listener, requestId, reason: reasonOf(error) }, 'answer cannot be used');
    sendAnswer(response, brokenOff, 'close');
    return;
  }
  let isFlowing = false;
  answer.once('data', () => {
    isFlowing = true;
  });
  answer.once('close', () => {
    if (!answer.complete) response.destroy();
  });
  response.once('error', () => response.destroy());
  response.once('finish', () => finishBody(exchange));
  answer.pipe(response);
  // A head whose body is yet to come is not held back.
  setImmediate(() => {
    if (!isFlowing && !response.writableEnded && !response.destroyed) response.flushHeaders();
  });
}

function finishBody({ request, isUploading }: Exchange): void {
  if (!isUploading) return;
  request.unpipe();
  request.resume();
  const deadline = setTimeout(() => request.socket.destroy(), restOfBodyTimeoutMs);
  request.once('close', () => clearTimeout(deadline));
}
