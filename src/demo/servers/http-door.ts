import { createServer, type IncomingMessage, type Server, type ServerResponse, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';

import type { Fault } from './conversation.js';
import { contentSecurityPolicy, mailboxPage, messagePage, noticePage, summarize } from './http-pages.js';
import { readMimePart } from './mime-part.js';
import { decodeBasic } from './plain-credentials.js';
import { readableText } from './readable-text.js';
import type { ServerLimits } from './server-limits.js';
import { type FoundMailbox, type MailboxHost, signIn } from './sign-in.js';
import { acceptHandshake, echoWebSocket } from './websocket-echo.js';

interface Answer {
  readonly status: number;
  /** HTML as text, anything else as JSON. */
  readonly html: string;
  readonly json: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A web server for one demo server's mailboxes, yet to listen. */
export function createHttpDoor(host: MailboxHost, limits: ServerLimits, onFault: Fault): Server {
  const server = createServer({ maxHeaderSize: 32_768 }, (request, response) => {
    takeBody(request, limits.messageBytesMax)
      .then((body) => {
        if (body !== 'gone') send(request, response, host, body === 'taken' ? answerTo(host, request) : tooLarge(host));
      })
      .catch((error: unknown) => {
        response.destroy();
        onFault(error);
      });
  });
  server.headersTimeout = limits.preLoginTimeoutMs;
  server.requestTimeout = limits.preLoginTimeoutMs;
  server.keepAliveTimeout = Math.min(60_000, limits.idleTimeoutMs);
  server.on('upgrade', (request, socket, head) => upgrade(host, limits, request, { socket, head }));
  return server;
}

/** Reads a body and forgets it; `gone` when the client left. */
function takeBody(request: IncomingMessage, bytesMax: number): Promise<'taken' | 'too-large' | 'gone'> {
  let bytes = 0;
  return new Promise((resolve) => {
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes <= bytesMax) return;
      request.pause();
      resolve('too-large');
    });
    request.on('end', () => resolve('taken'));
    request.on('error', () => resolve('gone'));
    request.on('close', () => resolve('gone'));
  });
}

function answerTo(host: MailboxHost, request: IncomingMessage): Answer {
  const path = (request.url ?? '/').replace(/\?.*$/s, '');
  if (/^\/[^/]{1,64}\/healthcheck\.htm$/i.test(path)) {
    return { status: 200, html: `200 OK<br/>${host.name}`, json: { server: host.name } };
  }
  const entered = enter(host, request);
  return 'status' in entered ? entered : mailboxAnswer(host, entered, path);
}

function mailboxAnswer(host: MailboxHost, user: FoundMailbox, path: string): Answer {
  const context = { server: host.name, address: user.address, database: user.database };
  const base = { server: host.name, mailbox: user.address, database: user.database };
  const uid = /^\/owa\/message\/(\d{1,10})$/i.exec(path)?.[1];
  if (uid === undefined) {
    const messages = user.mailbox.messages.map(summarize);
    return { status: 200, html: mailboxPage(context, messages), json: { ...base, messages } };
  }
  const message = user.mailbox.find(Number(uid));
  if (!message) return refusal(host, 404, 'no such message');
  user.mailbox.setFlags(message.uid, [...message.flags, '\\Seen']);
  const summary = summarize(message);
  const text = readableText(readMimePart(message.raw));
  return { status: 200, html: messagePage(context, summary, text), json: { ...base, message: { ...summary, text } } };
}

function enter(host: MailboxHost, request: IncomingMessage): FoundMailbox | Answer {
  const credentials = decodeBasic(request.headers.authorization);
  const outcome = credentials && signIn(host, credentials.user, credentials.password);
  switch (outcome?.kind) {
    case 'signed-in':
      return outcome;
    case 'active-elsewhere':
      return refusal(host, 503, 'mailbox is active on another server');
    case 'wrong-password':
    case undefined: {
      const headers = { 'WWW-Authenticate': 'Basic realm="usher demo", charset="UTF-8"' };
      return { ...refusal(host, 401, 'sign in with the address and password of a demo mailbox'), headers };
    }
  }
}

function tooLarge(host: MailboxHost): Answer {
  return { ...refusal(host, 413, 'request is too large'), headers: { Connection: 'close' } };
}

function refusal(host: MailboxHost, status: number, text: string): Answer {
  const title = `${status} ${STATUS_CODES[status] ?? ''}`;
  return { status, html: noticePage(host.name, title, text), json: { server: host.name, error: text } };
}

function send(request: IncomingMessage, response: ServerResponse, host: MailboxHost, answer: Answer): void {
  const wantsJson = /\bapplication\/json\b/i.test(request.headers.accept ?? '') || /^\/ews\b/i.test(request.url ?? '');
  const body = Buffer.from(wantsJson ? `${JSON.stringify(answer.json)}\n` : answer.html);
  response.writeHead(answer.status, {
    'Content-Type': wantsJson ? 'application/json' : 'text/html; charset=utf-8',
    'Content-Length': body.length,
    'Cache-Control': 'no-store',
    'Content-Security-Policy': contentSecurityPolicy,
    'X-Content-Type-Options': 'nosniff',
    'X-Mailbox-Server': host.name,
    ...answer.headers,
  });
  response.end(request.method === 'HEAD' ? undefined : body);
}

interface Upgraded {
  readonly socket: Duplex;
  readonly head: Buffer;
}

function upgrade(host: MailboxHost, limits: ServerLimits, request: IncomingMessage, { socket, head }: Upgraded): void {
  // a broken connection concerns only its client
  socket.on('error', () => socket.destroy());
  request.socket.setTimeout(limits.idleTimeoutMs, () => socket.destroy());
  const entered = enter(host, request);
  const isThere = /^\/owa\/notify(?:\?|$)/i.test(request.url ?? '');
  const accepted = acceptHandshake(request);
  if ('status' in entered) refuseUpgrade(socket, entered);
  else if (!isThere) refuseUpgrade(socket, refusal(host, 404, 'no such endpoint'));
  else if (accepted === undefined) refuseUpgrade(socket, refusal(host, 400, 'no WebSocket handshake of version 13'));
  else {
    socket.write(accepted);
    echoWebSocket(socket, head, host.name);
  }
}

function refuseUpgrade(socket: Duplex, { status, html, headers }: Answer): void {
  const fields = { 'Content-Type': 'text/html; charset=utf-8', 'Content-Length': Buffer.byteLength(html), ...headers };
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}`);
  const start = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`;
  socket.end([start, ...lines, 'Connection: close', '', html].join('\r\n'));
}
