import type { Socket } from 'node:net';
import { Relay, type Relayed } from '../../net/relay.js';
import { answerFields } from '../../protocols/http/head-writer.js';
import type { AnswerHead } from '../../protocols/http/http-message.js';
import type { ClientSide } from './client-side.js';

const idleTimeoutMs = 3_600_000;
// Frames are not read: there is no place for words of ours.
const unread = { push: () => undefined, isComplete: false };

/**
 * Joins a client and a server that has agreed to speak WebSocket (RFC 6455), until one of them ends; `rest` is what it
 * sent behind its 101. False, with the server's connection ended: the client's cannot be joined to anything.
 */
export function openTunnel(
  side: ClientSide,
  head: AnswerHead,
  server: Socket,
  rest: Buffer,
  onEnd: (relayed: Relayed) => void,
): boolean {
  const fields = [...answerFields(head), 'Connection', 'Upgrade', 'Upgrade', 'websocket'];
  const upgrade = side.request.upgrade;
  const answer = { status: head.status, reason: head.reason, fields, framing: { kind: 'none' } } as const;
  const client = upgrade === 'websocket' ? side.takeOver(answer) : null;
  if (client === null) {
    server.destroy();
    return false;
  }
  if (rest.length > 0) server.unshift(rest);
  new Relay({ client, server, idleTimeoutMs, stream: unread }, { relayEnded: onEnd }).start();
  return true;
}
