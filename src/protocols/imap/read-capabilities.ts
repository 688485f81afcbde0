import type { Buffer } from 'node:buffer';
import { answeredWith, CapabilityLines, type CapabilityStep, readOn } from '../sasl/capability-step.js';
import { capabilitiesIn, parseServerResponse, type ServerResponse } from './server-responses.js';

const lineLengthMax = 16 * 1024;

/** Asks an IMAP server what it can do before a login, under TLS where the endpoint has it (RFC 9051 §6.1.1). */
export class ImapCapabilityReader {
  readonly #lines = new CapabilityLines(lineLengthMax);
  #tls: 'none' | 'starttls' | 'opportunistic' | 'implicit';
  #state: 'greeting' | 'capability' | 'starttls' = 'greeting';
  #capabilities: readonly string[] | null = null;

  constructor(tls: 'none' | 'starttls' | 'opportunistic' | 'implicit') {
    this.#tls = tls;
  }

  receive(chunk: Buffer): CapabilityStep {
    return this.#lines.take(chunk, (line) => this.#take(parseServerResponse(line)));
  }

  /** The handshake is done; what the server said before is forgotten. */
  tlsStarted(): CapabilityStep {
    this.#tls = 'implicit';
    return this.#ask();
  }

  #take(response: ServerResponse): CapabilityStep {
    if (response.kind === 'capability') this.#capabilities = [...response.capabilities];
    if (response.kind === 'malformed') return answeredWith('a line that is no IMAP response');
    if (response.kind !== 'status') return readOn;
    if (this.#state === 'greeting') return response.status === 'OK' ? this.#ask() : answeredWith(response.status);
    if (response.status === 'BYE') return answeredWith('BYE');
    if (response.tag === '*') return readOn;
    if (response.status !== 'OK') return answeredWith(response.status);
    if (this.#state === 'starttls') return this.#lines.startTls();
    const capabilities = this.#capabilities ?? [...(capabilitiesIn(response) ?? [])];
    if (this.#tls !== 'starttls' && this.#tls !== 'opportunistic') {
      return { kind: 'told', capabilities, farewell: 'q LOGOUT\r\n' };
    }
    return this.#startTls(capabilities);
  }

  #startTls(capabilities: readonly string[]): CapabilityStep {
    if (!capabilities.includes('STARTTLS')) {
      if (this.#tls === 'starttls') return answeredWith('no STARTTLS');
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
