import type { Socket } from 'node:net';
import { requestHeadText } from '../../protocols/http/head-writer.js';
import type { AnswerHead, FieldLines } from '../../protocols/http/http-message.js';
import { routeCookieNames } from '../../routing/route-cookie.js';
import type { AskedRequest } from './asked-request.js';
import type { Exchange } from './exchange.js';

export interface ServerRequest {
  readonly method: string;
  readonly headText: string;
  readonly body: 'none' | 'plain' | 'chunked';
  readonly silenceTimeoutMs: number;
}

/** Who has sent a request on a server connection. Nothing more is told after `answerEnd`, `upgraded` or `serverLost`. */
export interface AnswerOwner {
  /** 1xx but for 101. */
  answerInterim(head: AnswerHead): void;
  answerHead(head: AnswerHead): void;
  answerData(piece: Buffer): void;
  answerEnd(trailers: FieldLines): void;
  /** Everything that was read so far has been told. */
  answerPaused(): void;
  /** The connection is no longer HTTP: 101 was answered. The socket is the owner's, with what came after the head. */
  upgraded(head: AnswerHead, socket: Socket, rest: Buffer): void;
  serverDrained(): void;
  serverLost(reason: string, loss: ServerLoss): void;
}

/** The connection ended; or it was given up, as nothing came for too long or what came is no answer. */
export type ServerLoss = 'closed' | 'silent' | 'unusable';

const bodies = { none: 'none', length: 'plain', chunked: 'chunked', 'until-close': 'plain' } as const;
const droppedCookies = Object.values(routeCookieNames);

/** What a server is sent of a request; the body comes after it. */
export function serverRequestOf(
  { client, side, facts, body }: Exchange,
  asked: AskedRequest,
  clientAddress: 'forwarded' | 'untold',
): ServerRequest {
  const { request } = side;
  const { method, framing, upgrade } = request;
  // A body that was waited for here is not to be asked for again.
  const head = request.expectsContinue && body.bytes > 0 ? { ...request, expectsContinue: false } : request;
  const headText = requestHeadText(head, asked.target, {
    requestId: facts.requestId,
    host: asked.host,
    client: clientAddress === 'forwarded' ? { address: client.clientAddress, proto: client.scheme } : null,
    // RFC 9110 §7.8: other upgrades are declined by not passing them on.
    upgrade: upgrade === 'websocket' ? upgrade : null,
    droppedCookies,
  });
  return { method, headText, body: bodies[framing.kind], silenceTimeoutMs: asked.service.silenceTimeoutMs };
}
