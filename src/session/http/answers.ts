import { type ServerResponse, STATUS_CODES } from 'node:http';
import type { Decision } from '../../routing/decision.js';

/** What the front end says itself; `text` is for people and names nothing inside. */
export interface Answer {
  readonly status: number;
  readonly text: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** What follows an own answer: the connection is kept or closed. */
export type Sequel = 'keep' | 'close';

const retryAfter = { 'Retry-After': '5' };

/** No server could be reached, and nothing was sent to one. */
export const unavailable: Answer = {
  status: 503,
  text: 'Service not available, try again later',
  headers: retryAfter,
};

/** A server took the request and did not answer it. */
export const brokenOff: Answer = {
  status: 502,
  text: 'The server did not answer, try again later',
  headers: retryAfter,
};

export const failed: Answer = { status: 500, text: 'Internal Server Error' };

/** What a decision that leads to no server says. */
export function answerOf({ outcome, reply, location }: Decision): Answer {
  const status = typeof reply?.code === 'number' ? reply.code : 503;
  const text = reply?.text ?? unavailable.text;
  switch (outcome) {
    case 'redirect': {
      const field = status === 451 ? 'X-MS-Location' : 'Location';
      return { status, text, headers: { [field]: location ?? '/' } };
    }
    case 'serve':
      return { status, text, headers: { 'Cache-Control': 'no-store' } };
    case 'reject':
      return { status, text };
    case 'proxy':
    case 'send':
    case 'relay':
    case 'deliver':
    case 'defer':
    case 'discard':
    case 'unreachable':
    case 'unavailable':
      return unavailable;
  }
}

/** Sends an answer in place of a server's. */
export function sendAnswer(response: ServerResponse, answer: Answer, sequel: Sequel): void {
  startAnswer(response, answer, sequel);
  response.end();
}

/** Sends all of an answer but leaves its end, and with it what happens to the connection, to the caller. */
export function startAnswer(response: ServerResponse, answer: Answer, sequel: Sequel): void {
  response.writeHead(answer.status, fieldsOf(answer, sequel));
  response.write(bodyOf(answer));
}

/** An answer as bytes, for a connection that is no longer in the hands of the HTTP parser and will be closed. */
export function answerBytes(answer: Answer): string {
  const fields = Object.entries(fieldsOf(answer, 'close')).map(([name, value]) => `${name}: ${value}`);
  const start = `HTTP/1.1 ${answer.status} ${STATUS_CODES[answer.status] ?? ''}`;
  return [start, ...fields, '', bodyOf(answer)].join('\r\n');
}

function fieldsOf(answer: Answer, sequel: Sequel): Record<string, string> {
  return {
    'Content-Type': 'text/plain; charset=utf-8',
    'Content-Length': String(Buffer.byteLength(bodyOf(answer))),
    'X-Content-Type-Options': 'nosniff',
    ...answer.headers,
    ...(sequel === 'close' ? { Connection: 'close' } : {}),
  };
}

const bodyOf = (answer: Answer): string => `${answer.text}\n`;
