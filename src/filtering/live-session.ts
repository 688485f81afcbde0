import type { AgentSession } from './protocol-agent.js';

/** One session for the agents, whatever object the door describes it by at the moment. */
export class LiveSession implements AgentSession {
  #described: AgentSession;

  constructor(described: AgentSession) {
    this.#described = described;
  }

  describe(described: AgentSession): void {
    this.#described = described;
  }

  get id(): string {
    return this.#described.id;
  }

  get connector(): string {
    return this.#described.connector;
  }

  get clientAddress(): string {
    return this.#described.clientAddress;
  }

  get helo(): string | null {
    return this.#described.helo;
  }

  get isSecure(): boolean {
    return this.#described.isSecure;
  }

  get from(): string | null {
    return this.#described.from;
  }

  get recipients(): readonly string[] {
    return this.#described.recipients;
  }
}
