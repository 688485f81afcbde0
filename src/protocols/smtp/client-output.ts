import { Buffer } from 'node:buffer';
import type { ClientTrace } from './client-options.js';
import { formatReply, type SmtpReply } from './replies.js';

const nothing = Buffer.alloc(0);
// Most replies are constants, and writing one anew takes longer than anything else in a command.
const wires = new WeakMap<SmtpReply, string>();

/** The replies that wait to be written together, and how many of all were protocol errors. */
export class ClientOutput {
  readonly #trace: ClientTrace | undefined;
  #text = '';
  #errorCount = 0;

  constructor(trace: ClientTrace | undefined) {
    this.#trace = trace;
  }

  get errorCount(): number {
    return this.#errorCount;
  }

  /** A word of the dialogue itself. */
  say(reply: SmtpReply): void {
    if (isProtocolError(reply.code)) this.#errorCount += 1;
    this.pass(reply);
  }

  /** A word of somebody else, of a server for instance, which is no fault of the client whatever its code. */
  pass(reply: SmtpReply): void {
    const wire = wireOf(reply);
    this.#text += wire;
    if (this.#trace === undefined) return;
    for (const line of wire.slice(0, -2).split('\r\n')) this.#trace('>', line);
  }

  /** What was said since the last call. */
  take(): Buffer {
    if (this.#text === '') return nothing;
    const bytes = Buffer.from(this.#text);
    this.#text = '';
    return bytes;
  }
}

function wireOf(reply: SmtpReply): string {
  const known = wires.get(reply);
  if (known !== undefined) return known;
  const wire = formatReply(reply);
  wires.set(reply, wire);
  return wire;
}

// RFC 5321 §4.2.2: syntax and order.
function isProtocolError(code: number): boolean {
  return (code >= 500 && code <= 504) || code === 555;
}
