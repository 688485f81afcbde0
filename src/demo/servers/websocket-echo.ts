import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';

import { WebSocketReader, webSocketFrame } from './websocket-frames.js';

const messageBytesMax = 65_536;
const queuedBytesMax = 1_048_576;
const farewellTimeoutMs = 5000;

/** The answer to a handshake, or undefined when the request is no handshake of version 13. */
export function acceptHandshake(request: IncomingMessage): string | undefined {
  const key = request.headers['sec-websocket-key'];
  const isUpgrade = request.headers.upgrade?.toLowerCase() === 'websocket';
  const isComplete = request.method === 'GET' && isUpgrade && request.headers['sec-websocket-version'] === '13';
  if (!isComplete || key === undefined || !/^[A-Za-z0-9+/]{22}==$/.test(key)) return undefined;
  // RFC 6455 §4.2.2: the proof is the key and this GUID, hashed
  const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
  const lines = ['HTTP/1.1 101 Switching Protocols', 'Upgrade: websocket', 'Connection: Upgrade'];
  return [...lines, `Sec-WebSocket-Accept: ${accept}`, '', ''].join('\r\n');
}

/** Says the server's name in a text frame, then sends back every message, until either side closes. */
export function echoWebSocket(socket: Duplex, head: Buffer, serverName: string): void {
  const reader = new WebSocketReader(messageBytesMax);
  const receive = (chunk: Buffer): void => {
    if (socket.writableEnded) return;
    reader.push(chunk);
    answerAll(socket, reader);
    // a client that sends and never reads is made to wait
    if (socket.writableLength <= queuedBytesMax) return;
    socket.pause();
    socket.once('drain', () => socket.resume());
  };
  socket.write(webSocketFrame(1, Buffer.from(serverName)));
  if (head.length > 0) receive(head);
  socket.on('data', receive);
}

function answerAll(socket: Duplex, reader: WebSocketReader): void {
  for (let event = reader.next(); event && !socket.writableEnded; event = reader.next()) {
    switch (event.kind) {
      case 'message':
        socket.write(webSocketFrame(event.opcode, event.payload));
        break;
      case 'ping':
        socket.write(webSocketFrame(10, event.payload));
        break;
      case 'pong':
        break;
      case 'close':
        close(socket, event.code);
        break;
      case 'violation':
        close(socket, event.code);
        return;
    }
  }
}

function close(socket: Duplex, code: number): void {
  const payload = Buffer.alloc(2);
  payload.writeUInt16BE(code);
  socket.end(webSocketFrame(8, payload));
  const deadline = setTimeout(() => socket.destroy(), farewellTimeoutMs);
  socket.once('close', () => clearTimeout(deadline));
}
