import { type Buffer } from 'node:buffer';
import { LineSplitter } from '../lines/line-splitter.js';
import { capabilitiesIn, parseServerResponse, type ServerResponse } from './server-responses.js';

/** What is to be done after a server's bytes. */
export type CapabilityStep =
  | { readonly kind: 'read' }
  | { readonly kind: 'send'; readonly text: string }
  | { readonly kind: 'start-tls' }
  | { readonly kind: 'told'; readonly capabilities: readonly string[]; readonly farewell: string }
  | { readonly kind: 'failed'; readonly reason: string };

const lineLengthMax = 16 * 1024;
const lineCountMax = 100;
const read: CapabilityStep = { kind: 'read' };

/** Asks an IMAP server what it can do before a login, under TLS where the endpoint has it (RFC 9051 §6.1.1). */
export class ImapCapabilityReader {
  readonly #splitter = new LineSplitter(lineLengthMax);
  #tls: 'none' | 'starttls' | 'opportunistic' | 'implicit';
  #state: 'greeting' | 'capability' | 'starttls' = 'greeting';
  #capabilities: readonly string[] | null = null;
  #lineCount = 0;

  constructor(tls: 'none' | 'starttls' | 'opportunistic' | 'implicit') {
    this.#tls = tls;
  }

  receive(chunk: Buffer): CapabilityStep {
    this.#splitter.push(chunk);
    for (;;) {
      const split = this.#splitter.nextLine();
      if (split.kind === 'more') return read;
      this.#lineCount += 1;
      if (split.kind === 'too-long' || this.#lineCount > lineCountMax) return failed('a line too long or too many');
      const step = this.#take(parseServerResponse(split.line));
      if (step.kind !== 'read') return step;
    }
  }

  /** The handshake is done; what the server said before is forgotten. */
  tlsStarted(): CapabilityStep {
    this.#tls = 'implicit';
    return this.#ask();
  }

  #take(response: ServerResponse): CapabilityStep {
    if (response.kind === 'capability') this.#capabilities = [...response.capabilities];
    if (response.kind === 'malformed') return failed('a line that is no IMAP response');
    if (response.kind !== 'status') return read;
    if (this.#state === 'greeting') return response.status === 'OK' ? this.#ask() : failed(response.status);
    if (response.status === 'BYE') return failed('BYE');
    if (response.tag === '*') return read;
    if (response.status !== 'OK') return failed(response.status);
    if (this.#state === 'starttls') {
      return this.#splitter.heldBytes > 0 ? failed('bytes ahead of TLS') : { kind: 'start-tls' };
    }
    const capabilities = this.#capabilities ?? [...(capabilitiesIn(response) ?? [])];
    if (this.#tls !== 'starttls' && this.#tls !== 'opportunistic') {
      return { kind: 'told', capabilities, farewell: 'q LOGOUT\r\n' };
    }
    return this.#startTls(capabilities);
  }

  #startTls(capabilities: readonly string[]): CapabilityStep {
    if (!capabilities.includes('STARTTLS')) {
      if (this.#tls === 'starttls') return failed('no STARTTLS');
      return { kind: 'told', capabilities, farewell: 'q LOGOUT\r\n' };
    }
    this.#state = 'starttls';
    return { kind: 'send', text: 's STARTTLS\r\n' };
  }

  #ask(): CapabilityStep {
    this.#state = 'capability';
    this.#capabilities = null;
    return { kind: 'send', text: 'c CAPABILITY\r\n' };
  }
}

function failed(what: string): CapabilityStep {
  return { kind: 'failed', reason: `the server answered with ${what}` };
}
