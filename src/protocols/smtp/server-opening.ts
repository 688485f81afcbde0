import type { ClientExchange } from '../sasl/client-exchange.js';
import { chooseMechanism } from '../sasl/client-mechanisms.js';
import type { LoginCredentials } from '../sasl/login-credentials.js';
import { offeredMechanisms, readCapabilities, type ServerCapabilities } from './capabilities.js';
import { kindOfReply, type SmtpReply } from './replies.js';
import type { ServerStage } from './server-step.js';
import { type XclientAttributes, xclientCommand } from './xclient.js';

export interface ServerOpeningOptions {
  /** Our name in EHLO. */
  readonly heloName: string;
  /** none: plain; implicit: the socket is TLS already; opportunistic: STARTTLS if offered; starttls: or nothing. */
  readonly tls: 'none' | 'opportunistic' | 'starttls' | 'implicit';
  /** Sent over TLS only, unless `tls` is `none`; forgotten when they were sent. */
  readonly credentials: LoginCredentials | null;
  /** The only SASL mechanism to be used; null: the best the server offers. */
  readonly auth: string | null;
  /** What to tell of our client where the server offers XCLIENT; its name is then the one in EHLO. */
  readonly xclient: XclientAttributes | null;
}

/** What came of one more reply. `failed`: nothing but closing is left; without a reason the reply is the reason. */
export type OpeningProgress =
  | { readonly kind: 'send'; readonly output: string }
  | { readonly kind: 'start-tls' }
  | { readonly kind: 'ready'; readonly server: ServerCapabilities }
  | { readonly kind: 'failed'; readonly reply: SmtpReply | null; readonly reason: string | null };

type State =
  | { readonly at: 'greeting' | 'ehlo' | 'helo' | 'starttls' | 'handshake' | 'xclient' | 'unfit' }
  | { readonly at: 'auth'; readonly exchange: ClientExchange };

// RFC 5321 §4.5.3.1.4, RFC 4954 §4: a longer initial response is sent as the answer to a challenge.
const commandLengthMax = 512;
const plainName = /^(?:[\w.-]{1,255}|\[[\w.:]{1,80}\])$/;

/** The dialogue with a server from its greeting until mail can be sent: EHLO, STARTTLS, XCLIENT, AUTH. */
export class ServerOpening {
  readonly #options: Pick<ServerOpeningOptions, 'tls' | 'auth'>;
  /** For EHLO. */
  #name: string;
  #credentials: LoginCredentials | null;
  #xclient: XclientAttributes | null;
  #channel: 'plain' | 'secure';
  /** What the next reply to EHLO leads to. */
  #next: 'tls' | 'introduction' | 'login';
  #server: ServerCapabilities = { name: '', keywords: new Map() };
  #state: State = { at: 'greeting' };

  constructor(options: ServerOpeningOptions) {
    const { heloName, tls, auth, credentials, xclient } = options;
    if (!/^[!-~]{1,255}$/.test(heloName)) throw new Error('the name for EHLO holds characters it must not');
    this.#options = { tls, auth };
    this.#name = heloName;
    this.#credentials = credentials;
    this.#xclient = xclient;
    this.#channel = tls === 'implicit' ? 'secure' : 'plain';
    this.#next = tls === 'none' || tls === 'implicit' ? 'introduction' : 'tls';
  }

  get stage(): ServerStage {
    switch (this.#state.at) {
      case 'helo':
        return 'ehlo';
      case 'handshake':
        return 'starttls';
      case 'unfit':
        return 'auth';
      case 'greeting':
      case 'ehlo':
      case 'starttls':
      case 'xclient':
      case 'auth':
        return this.#state.at;
    }
  }

  get isInHandshake(): boolean {
    return this.#state.at === 'handshake';
  }

  /** Whether the server has seen the credentials, or a part of them, and may repeat them. */
  get hasSentCredentials(): boolean {
    return this.#state.at === 'auth';
  }

  /** One reply and its lines; `isLast` when nothing came behind it. 421 is not for here. */
  take(reply: SmtpReply, lines: readonly string[], isLast: boolean): OpeningProgress {
    const state = this.#state;
    switch (state.at) {
      case 'greeting':
        return reply.code === 220 ? this.#hello() : failed(reply);
      case 'ehlo':
        // RFC 5321 §3.2: a server without EHLO is asked again with HELO.
        if (kindOfReply(reply) === 'permanent') {
          return this.#send(`HELO ${this.#name}\r\n`, { at: 'helo' });
        }
        return kindOfReply(reply) === 'done' ? this.#takeHello(lines) : failed(reply);
      case 'helo':
        return kindOfReply(reply) === 'done' ? this.#takeHello(lines.slice(0, 1)) : failed(reply);
      case 'starttls':
        return this.#takeStartTls(reply, isLast);
      case 'xclient':
        return reply.code === 220 ? this.#hello() : failed(reply);
      case 'auth':
        if (reply.code === 235) return { kind: 'ready', server: this.#server };
        return reply.code === 334 ? this.#respond(state.exchange) : failed(reply);
      case 'handshake':
      case 'unfit':
        return failed(reply);
    }
  }

  /** The socket is a TLS one now. */
  tlsStarted(): OpeningProgress {
    this.#channel = 'secure';
    this.#next = 'introduction';
    return this.#hello();
  }

  #hello(): OpeningProgress {
    // RFC 3207 §4.2: what was learnt before is forgotten.
    this.#server = { name: '', keywords: new Map() };
    return this.#send(`EHLO ${this.#name}\r\n`, { at: 'ehlo' });
  }

  #takeHello(lines: readonly string[]): OpeningProgress {
    this.#server = readCapabilities(lines);
    if (this.#next === 'login') return this.#logIn();
    if (this.#next === 'introduction') return this.#introduce();
    if (this.#server.keywords.has('STARTTLS')) return this.#send('STARTTLS\r\n', { at: 'starttls' });
    if (this.#options.tls === 'opportunistic') return this.#introduce();
    this.#state = { at: 'starttls' };
    return failed(null, 'the server does not offer STARTTLS');
  }

  #takeStartTls(reply: SmtpReply, isLast: boolean): OpeningProgress {
    if (reply.code === 220 && isLast) {
      this.#state = { at: 'handshake' };
      return { kind: 'start-tls' };
    }
    if (reply.code === 220) return failed(null, 'the server sent plain bytes ahead of the TLS handshake');
    return this.#options.tls === 'opportunistic' && reply.code >= 400 ? this.#introduce() : failed(reply);
  }

  #introduce(): OpeningProgress {
    const offered = this.#server.keywords.get('XCLIENT');
    const attributes = this.#xclient;
    this.#xclient = null;
    this.#next = 'login';
    if (offered === undefined || attributes === null) return this.#logIn();
    const command = xclientCommand(
      offered.map((name) => name.toUpperCase()),
      attributes,
    );
    if (command === null) return this.#logIn();
    // Postfix lets the next EHLO replace what HELO= said.
    if (attributes.helo !== null && plainName.test(attributes.helo)) this.#name = attributes.helo;
    return this.#send(command, { at: 'xclient' });
  }

  #logIn(): OpeningProgress {
    const credentials = this.#credentials;
    if (credentials === null) return { kind: 'ready', server: this.#server };
    this.#credentials = null;
    this.#state = { at: 'unfit' };
    if (this.#channel === 'plain' && this.#options.tls !== 'none') {
      return failed(null, 'there is no TLS, and the password is not sent without it');
    }
    const choice = chooseMechanism(credentials, offeredMechanisms(this.#server), this.#options.auth);
    if (choice.kind === 'unusable') return failed(null, choice.reason);
    const { exchange } = choice;
    const command = `AUTH ${exchange.mechanism}`;
    const lineLength = command.length + (exchange.initialLength ?? 0) + ' \r\n'.length;
    const initial = lineLength <= commandLengthMax ? exchange.takeInitial() : null;
    return this.#send(initial === null ? `${command}\r\n` : `${command} ${initial}\r\n`, { at: 'auth', exchange });
  }

  #respond(exchange: ClientExchange): OpeningProgress {
    const response = exchange.answer();
    if (response === null) return failed(null, 'the server asks for more than the mechanism has');
    return { kind: 'send', output: `${response}\r\n` };
  }

  #send(output: string, next: State): OpeningProgress {
    this.#state = next;
    return { kind: 'send', output };
  }
}

function failed(reply: SmtpReply | null, reason: string | null = null): OpeningProgress {
  return { kind: 'failed', reply, reason };
}
