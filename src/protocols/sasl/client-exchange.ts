import type { SaslMechanism } from './login-credentials.js';

/** Our side of one SASL exchange with a server; every response is forgotten when it is given out. */
export class ClientExchange {
  readonly mechanism: SaslMechanism;
  /** In the order they are due. */
  readonly #responses: string[];
  #initial: 'open' | 'none';

  /** `initial` is the first response where the client speaks first (RFC 4422 §3); `responses` answer challenges. */
  constructor(mechanism: SaslMechanism, initial: string | null, responses: readonly string[]) {
    this.mechanism = mechanism;
    this.#responses = initial === null ? [...responses] : [initial, ...responses];
    this.#initial = initial === null ? 'none' : 'open';
  }

  /** Characters of the initial response; null when there is none or an answer was given. */
  get initialLength(): number | null {
    return this.#initial === 'open' ? (this.#responses[0]?.length ?? null) : null;
  }

  /** The initial response in base64, to go out with the command; null when there is none or an answer was given. */
  takeInitial(): string | null {
    return this.#initial === 'open' ? this.answer() : null;
  }

  /** The response to the next challenge in base64, maybe empty; null when the mechanism has nothing more to say. */
  answer(): string | null {
    this.#initial = 'none';
    return this.#responses.shift() ?? null;
  }
}
