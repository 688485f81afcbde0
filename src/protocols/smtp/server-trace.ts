import type { LoginCredentials } from '../sasl/login-credentials.js';
import { withholdCredentials } from '../sasl/withhold-credentials.js';
import type { SmtpReply } from './replies.js';

/** Hears a dialogue with a server: `>` a line that we write, `<` a line of a reply; never a credential, nor the message. */
export type ServerTrace = (direction: '>' | '<', text: string) => void;

/** Whether credentials are being exchanged. */
type Exchange = 'credentials' | 'other';

/** Tells a trace what is said, without anything that may be a credential. */
export class ServerWitness {
  readonly #trace: ServerTrace;
  readonly #credentials: LoginCredentials | null;

  constructor(trace: ServerTrace, credentials: LoginCredentials | null) {
    this.#trace = trace;
    this.#credentials = credentials;
  }

  /** Whole lines, their ends included. */
  wrote(output: string, exchange: Exchange): void {
    for (const line of output.slice(0, -'\r\n'.length).split('\r\n')) {
      this.#trace('>', exchange === 'credentials' ? withoutResponse(line) : line);
    }
  }

  /** A reply without the credentials, should it repeat them. */
  withheld(reply: SmtpReply): SmtpReply {
    if (this.#credentials === null) return reply;
    const text = withholdCredentials(reply.text, this.#credentials);
    return text === reply.text ? reply : { ...reply, text };
  }

  /** `lines` as sent, without their codes. A server may repeat our credentials at once or, in any reply, later. */
  heard({ code, enhanced }: SmtpReply, lines: readonly string[], exchange: Exchange): void {
    if (exchange === 'credentials') return this.#trace('<', enhanced === null ? `${code}` : `${code} ${enhanced}`);
    for (const [index, line] of lines.entries()) {
      const words = this.#credentials === null ? line : withholdCredentials(line, this.#credentials);
      this.#trace('<', `${code}${index < lines.length - 1 ? '-' : ' '}${words}`.trimEnd());
    }
  }
}

/** AUTH with its mechanism alone; a response is nothing but credentials. */
function withoutResponse(line: string): string {
  const [verb, mechanism, response] = line.split(' ');
  if (verb !== 'AUTH' || mechanism === undefined) return '*';
  return response === undefined ? line : `AUTH ${mechanism} *`;
}
