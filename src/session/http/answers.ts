import type { FieldLines } from '../../protocols/http/http-message.js';
import type { Decision } from '../../routing/decision.js';

/** What the front end says itself; `text` is for people and names nothing inside. */
export interface Answer {
  readonly status: number;
  readonly text: string;
  readonly fields?: FieldLines;
}

const retryAfter: FieldLines = ['Retry-After', '5'];

/** No server could be reached, and nothing was sent to one. */
export const unavailable: Answer = {
  status: 503,
  text: 'Service not available, try again later',
  fields: retryAfter,
};

/** A server took the request and did not answer it. */
export const brokenOff: Answer = {
  status: 502,
  text: 'The server did not answer, try again later',
  fields: retryAfter,
};

export const failed: Answer = { status: 500, text: 'Internal Server Error' };

/** What a decision that leads to no server says. */
export function answerOf({ outcome, reply, location }: Decision): Answer {
  const status = typeof reply?.code === 'number' ? reply.code : 503;
  const text = reply?.text ?? unavailable.text;
  switch (outcome) {
    case 'redirect': {
      const field = status === 451 ? 'X-MS-Location' : 'Location';
      return { status, text, fields: [field, location ?? '/'] };
    }
    case 'serve':
      return { status, text, fields: ['Cache-Control', 'no-store'] };
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

/** The fields and the body of an answer. */
export function partsOf({ text, fields = [] }: Answer): { readonly fields: FieldLines; readonly body: Buffer } {
  const body = Buffer.from(`${text}\n`);
  const own = ['Content-Type', 'text/plain; charset=utf-8', 'X-Content-Type-Options', 'nosniff'];
  return { fields: [...own, ...fields], body };
}
