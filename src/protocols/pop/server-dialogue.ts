import { Buffer } from 'node:buffer';
import { LineSplitter } from '../lines/line-splitter.js';
import type {
  LoginFailure,
  ServerDialogue,
  ServerDialogueOptions,
  ServerResult,
  ServerStep,
} from '../sasl/login-protocol.js';
import { withholdCredentials } from '../sasl/withhold-credentials.js';
import {
  beginLogin,
  continueLogin,
  type LoginProgress,
  type LoginTurn,
  type PopCapabilities,
} from './login-command.js';
import { popLoginRefusal } from './login-refusal.js';
import { isCleanLine, type PopReply, parseReply } from './syntax.js';
import { xclientCommand } from './xclient-command.js';

/** What we wait for. */
type ServerState =
  | { readonly kind: 'greeting' }
  | { readonly kind: 'capa' }
  | { readonly kind: 'capa-list'; readonly capabilities: Map<string, readonly string[]> }
  | { readonly kind: 'stls' }
  | { readonly kind: 'handshake' }
  | { readonly kind: 'xclient'; readonly capabilities: PopCapabilities }
  | { readonly kind: 'login'; readonly turn: LoginTurn }
  | { readonly kind: 'over'; readonly step: ServerStep };

/** What a line brings about. */
type Reaction =
  | { readonly kind: 'wait' }
  | { readonly kind: 'send'; readonly output: string; readonly state: ServerState }
  | { readonly kind: 'move'; readonly state: ServerState }
  | { readonly kind: 'start-tls' }
  | { readonly kind: 'end'; readonly step: ServerStep };

const nothing = Buffer.alloc(0);
const lineLengthMax = 16 * 1024;
const lineCountMax = 200;
const askCapabilities: Reaction & { readonly kind: 'send' } = {
  kind: 'send',
  output: 'CAPA\r\n',
  state: { kind: 'capa' },
};

/** The POP3 client of the door (RFC 1939, 2449, 2595, 5034) up to the login at a mailbox server. */
export class PopServerDialogue implements ServerDialogue {
  readonly #options: ServerDialogueOptions;
  readonly #splitter = new LineSplitter(lineLengthMax);
  #state: ServerState = { kind: 'greeting' };
  #link: 'clear' | 'tls';
  #lineCount = 0;
  /** In the greeting; Dovecot does so to those it trusts, and does not tell it in CAPA. */
  #xclient: 'offered' | 'unknown' = 'unknown';

  constructor(options: ServerDialogueOptions) {
    this.#options = options;
    this.#link = options.tls === 'implicit' ? 'tls' : 'clear';
  }

  get stateName(): string {
    return this.#state.kind;
  }

  get heldBytes(): number {
    return this.#splitter.heldBytes;
  }

  receive(chunk: Buffer): ServerResult {
    if (this.#state.kind === 'over') return { output: nothing, step: this.#state.step };
    this.#splitter.push(chunk);
    let output = '';
    for (;;) {
      const reaction = this.#reactToNext();
      switch (reaction.kind) {
        case 'wait':
          return { output: Buffer.from(output), step: { kind: 'read' } };
        case 'move':
          this.#state = reaction.state;
          break;
        case 'send':
          this.#state = reaction.state;
          output += reaction.output;
          break;
        case 'start-tls':
          this.#state = { kind: 'handshake' };
          return { output: Buffer.from(output), step: { kind: 'start-tls' } };
        case 'end':
          this.#splitter.takeRest();
          this.#state = { kind: 'over', step: reaction.step };
          return { output: Buffer.from(output), step: reaction.step };
      }
    }
  }

  tlsStarted(): ServerResult {
    if (this.#state.kind !== 'handshake') throw new Error(`no TLS handshake is due in state ${this.#state.kind}`);
    this.#link = 'tls';
    // RFC 2595 §4: what the server said before TLS is forgotten.
    this.#state = askCapabilities.state;
    return { output: Buffer.from(askCapabilities.output), step: { kind: 'read' } };
  }

  closed(): LoginFailure {
    return { kind: 'remote', detail: `the server closed the connection or was too slow in state ${this.#state.kind}` };
  }

  #reactToNext(): Reaction {
    if (this.#state.kind === 'handshake') return this.#failed('plain bytes instead of a TLS handshake');
    const split = this.#splitter.nextLine();
    if (split.kind === 'more') return { kind: 'wait' };
    if (split.kind === 'too-long') return this.#failed('a line that is too long');
    this.#lineCount += 1;
    if (this.#lineCount > lineCountMax) return this.#failed('too many lines');
    if (this.#state.kind === 'capa-list') return this.#takeCapability(split.line, this.#state.capabilities);
    return this.#reactTo(parseReply(split.line));
  }

  #reactTo(reply: PopReply): Reaction {
    const state = this.#state;
    if (reply.kind === 'malformed') return this.#failed('a line that is no POP reply');
    if (reply.kind === 'continuation' && state.kind !== 'login') return this.#failed('a continuation nobody asked for');
    switch (state.kind) {
      case 'greeting':
        if (reply.kind === 'error') return this.#goodbye(reply.text);
        if (reply.kind === 'ok' && /^\[XCLIENT\]/i.test(reply.text)) this.#xclient = 'offered';
        return askCapabilities;
      case 'capa':
        if (reply.kind === 'error') return this.#proceed(undefined);
        return { kind: 'move', state: { kind: 'capa-list', capabilities: new Map() } };
      case 'stls':
        return this.#afterStls(reply);
      case 'xclient':
        // A server that does not trust us says so; the login goes on.
        return this.#logIn(state.capabilities);
      case 'login':
        return this.#afterLoginLine(reply, state.turn);
      case 'capa-list':
      case 'handshake':
      case 'over':
        break;
    }
    return this.#failed('a reply nobody asked for');
  }

  #takeCapability(line: Buffer, capabilities: Map<string, readonly string[]>): Reaction {
    if (!isCleanLine(line)) return this.#failed('a line that is no capability');
    const text = line.toString('utf8').toUpperCase();
    if (text === '.') return this.#proceed(capabilities);
    const [name = '', ...parameters] = text.split(' ');
    capabilities.set(name, parameters);
    return { kind: 'move', state: { kind: 'capa-list', capabilities } };
  }

  /** To TLS where it is due, else to the login. */
  #proceed(capabilities: PopCapabilities): Reaction {
    if (this.#options.tls === 'none' || this.#link === 'tls') return this.#introduce(capabilities);
    if (capabilities?.has('STLS')) return { kind: 'send', output: 'STLS\r\n', state: { kind: 'stls' } };
    return refused({ kind: 'remote-configuration', detail: 'the server does not offer STLS' });
  }

  #afterStls(reply: PopReply): Reaction {
    if (reply.kind !== 'ok') return refused({ kind: 'remote-configuration', detail: 'the server refused STLS' });
    // Bytes behind this +OK were sent in clear and could be anybody's.
    return this.#splitter.heldBytes > 0 ? this.#failed('plain bytes behind the answer to STLS') : { kind: 'start-tls' };
  }

  #introduce(capabilities: PopCapabilities): Reaction {
    const { client } = this.#options;
    const offered = this.#xclient === 'offered' || capabilities?.has('XCLIENT') === true;
    if (!offered || client === null) return this.#logIn(capabilities);
    return { kind: 'send', output: xclientCommand(client), state: { kind: 'xclient', capabilities } };
  }

  #logIn(capabilities: PopCapabilities): Reaction {
    const { credentials, auth } = this.#options;
    return this.#advance(beginLogin(credentials, capabilities, auth));
  }

  #afterLoginLine(reply: PopReply & { readonly kind: 'ok' | 'continuation' | 'error' }, turn: LoginTurn): Reaction {
    if (reply.kind === 'error') return refused(popLoginRefusal(reply, this.#options.credentials));
    return this.#advance(continueLogin(turn, reply));
  }

  #advance(progress: LoginProgress): Reaction {
    switch (progress.kind) {
      case 'send':
        return { kind: 'send', output: progress.output, state: { kind: 'login', turn: progress.turn } };
      case 'accepted': {
        const pending = this.#splitter.takeRest();
        return { kind: 'end', step: { kind: 'accepted', text: progress.text, untagged: nothing, pending } };
      }
      case 'impossible':
        return refused(progress.failure);
      case 'out-of-turn':
        return this.#failed('an answer out of turn');
    }
  }

  #goodbye(text: string): Reaction {
    const words = withholdCredentials(text, this.#options.credentials);
    return refused({ kind: 'remote', detail: `the server greeted with -ERR ${words}` });
  }

  #failed(what: string): Reaction {
    return refused({ kind: 'protocol', detail: `the server sent ${what} in state ${this.#state.kind}` });
  }
}

function refused(failure: LoginFailure): Reaction {
  return { kind: 'end', step: { kind: 'refused', failure } };
}
