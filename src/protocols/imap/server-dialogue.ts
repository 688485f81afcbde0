import { Buffer } from 'node:buffer';
import { LineSplitter } from '../lines/line-splitter.js';
import { credentialsProblem } from '../sasl/credentials-problem.js';
import type {
  LoginFailure,
  LoginFailureKind,
  ServerDialogue,
  ServerDialogueOptions,
  ServerResult,
  ServerStep,
} from '../sasl/login-protocol.js';
import { withholdCredentials } from '../sasl/withhold-credentials.js';
import { idCommand } from './id-command.js';
import { loginCommand } from './login-command.js';
import { imapLoginRefusal } from './login-refusal.js';
import { capabilitiesIn, parseServerResponse, type ServerResponse, type ServerStatus } from './server-responses.js';

type Capabilities = ReadonlySet<string>;

/** What we wait for. A tag names the command whose answer is due. */
type ServerState =
  | { readonly kind: 'greeting' }
  | { readonly kind: 'capability'; readonly tag: string; readonly capabilities: Capabilities | undefined }
  | { readonly kind: 'starttls'; readonly tag: string }
  | { readonly kind: 'handshake' }
  | { readonly kind: 'id'; readonly tag: string; readonly capabilities: Capabilities }
  | LoginState
  /** Logged in; the server has not said yet what it can do now. */
  | { readonly kind: 'login-capability'; readonly tag: string; readonly text: string }
  | { readonly kind: 'over'; readonly step: ServerStep };

interface LoginState {
  readonly kind: 'login';
  readonly tag: string;
  readonly unsent: readonly Buffer[];
  /** So many of `unsent` are no part of the credentials. */
  readonly spareCount: number;
  /** Whether the server has told its capabilities since. */
  readonly told: boolean;
}

/** What a line brings about. */
type Reaction =
  | { readonly kind: 'wait' }
  | { readonly kind: 'send'; readonly output: string | Buffer; readonly state: ServerState }
  | { readonly kind: 'move'; readonly state: ServerState }
  | { readonly kind: 'start-tls' }
  | { readonly kind: 'end'; readonly step: ServerStep };

const nothing = Buffer.alloc(0);
const wait: Reaction = { kind: 'wait' };
const lineLengthMax = 64 * 1024;
const lineCountMax = 200;
const untaggedBytesMax = 64 * 1024;

/** The IMAP client of the door (RFC 9051, 3501) up to the login at a mailbox server. */
export class ImapServerDialogue implements ServerDialogue {
  readonly #options: ServerDialogueOptions;
  readonly #splitter = new LineSplitter(lineLengthMax);
  #state: ServerState = { kind: 'greeting' };
  #link: 'clear' | 'tls';
  #lineCount = 0;
  #tagCount = 0;
  /** Untagged lines that came with the login. */
  #untagged: Buffer = nothing;

  constructor(options: ServerDialogueOptions) {
    this.#options = options;
    this.#link = options.tls === 'implicit' ? 'tls' : 'clear';
  }

  get stateName(): string {
    return this.#state.kind;
  }

  get heldBytes(): number {
    return this.#splitter.heldBytes + this.#untagged.length;
  }

  receive(chunk: Buffer): ServerResult {
    const output: Buffer[] = [];
    if (this.#state.kind === 'over') return { output: nothing, step: this.#state.step };
    this.#splitter.push(chunk);
    for (;;) {
      const reaction = this.#reactToNext();
      switch (reaction.kind) {
        case 'wait':
          return { output: Buffer.concat(output), step: { kind: 'read' } };
        case 'move':
          this.#state = reaction.state;
          break;
        case 'send':
          this.#state = reaction.state;
          output.push(Buffer.from(reaction.output));
          break;
        case 'start-tls':
          this.#state = { kind: 'handshake' };
          return { output: Buffer.concat(output), step: { kind: 'start-tls' } };
        case 'end':
          this.#splitter.takeRest();
          this.#untagged = nothing;
          this.#state = { kind: 'over', step: reaction.step };
          return { output: Buffer.concat(output), step: reaction.step };
      }
    }
  }

  tlsStarted(): ServerResult {
    if (this.#state.kind !== 'handshake') throw new Error(`no TLS handshake is due in state ${this.#state.kind}`);
    this.#link = 'tls';
    // RFC 9051 §6.2.1: what the server said before TLS is forgotten.
    const asked = this.#askCapabilities();
    this.#state = asked.state;
    return { output: Buffer.from(asked.output), step: { kind: 'read' } };
  }

  closed(): LoginFailure {
    return { kind: 'remote', detail: `the server closed the connection or was too slow in state ${this.#state.kind}` };
  }

  /** Reads until a line has an effect. */
  #reactToNext(): Reaction {
    if (this.#state.kind === 'handshake') return this.#failed('protocol', 'plain bytes instead of a TLS handshake');
    for (;;) {
      const split = this.#splitter.nextLine();
      if (split.kind === 'more') return wait;
      if (split.kind === 'too-long') return this.#failed('protocol', 'a line that is too long');
      this.#lineCount += 1;
      if (this.#lineCount > lineCountMax) return this.#failed('protocol', 'too many lines');
      const reaction = this.#reactTo(parseServerResponse(split.line), split.line);
      if (reaction.kind !== 'wait') return reaction;
    }
  }

  #reactTo(response: ServerResponse, line: Buffer): Reaction {
    const state = this.#state;
    if (response.kind === 'malformed') return this.#failed('protocol', 'a line that is no IMAP response');
    if (state.kind === 'greeting') return this.#afterGreeting(response);
    if (state.kind === 'over' || state.kind === 'handshake') return wait;
    if (response.kind === 'continuation') return this.#continueLogin(state);
    if (response.kind !== 'status' || response.tag === '*') return this.#takeUntagged(state, response, line);
    if (response.tag !== state.tag) return this.#failed('protocol', 'an answer to a command that was not sent');
    switch (state.kind) {
      case 'capability':
        return this.#afterCapability(response, state.capabilities);
      case 'starttls':
        return this.#afterStartTls(response);
      case 'id':
        // A server that does not want to know may say so; the login goes on.
        return this.#logIn(state.capabilities);
      case 'login':
        return this.#afterLogin(response, state);
      case 'login-capability':
        break;
    }
    return this.#accepted(state.text);
  }

  #afterGreeting(response: ServerResponse): Reaction {
    if (response.kind !== 'status' || response.tag !== '*') return this.#failed('protocol', 'no IMAP greeting');
    switch (response.status) {
      case 'OK': {
        const capabilities = capabilitiesIn(response);
        return capabilities === undefined ? this.#askCapabilities() : this.#proceed(capabilities);
      }
      case 'BYE':
        return this.#goodbye(response);
      default:
        // RFC 9051 §7.1.4: PREAUTH would log us in as somebody, and forbid STARTTLS.
        return this.#failed('protocol', `the greeting ${response.status}`);
    }
  }

  #takeUntagged(state: ServerState, response: ServerResponse, line: Buffer): Reaction {
    if (response.kind === 'status' && response.status === 'BYE') return this.#goodbye(response);
    if (response.kind === 'status' && response.status === 'PREAUTH') return this.#failed('protocol', 'a late PREAUTH');
    if (state.kind === 'capability' && response.kind === 'capability') {
      return { kind: 'move', state: { ...state, capabilities: response.capabilities } };
    }
    if (state.kind !== 'login' && state.kind !== 'login-capability') return wait;
    if (this.#untagged.length + line.length > untaggedBytesMax)
      return this.#failed('protocol', 'too much with the login');
    this.#untagged = Buffer.concat([this.#untagged, line, Buffer.from('\r\n')]);
    if (state.kind === 'login' && response.kind === 'capability')
      return { kind: 'move', state: { ...state, told: true } };
    return wait;
  }

  #afterCapability(response: ServerStatus, capabilities: Capabilities | undefined): Reaction {
    if (response.status !== 'OK' || capabilities === undefined) return this.#failed('protocol', 'no capabilities');
    return this.#proceed(capabilities);
  }

  /** To TLS where it is due, else to the login. Credentials go out in clear only where no TLS was asked for. */
  #proceed(capabilities: Capabilities): Reaction {
    if (this.#options.tls === 'none' || this.#link === 'tls') return this.#identify(capabilities);
    if (!capabilities.has('STARTTLS')) return lacking('the server does not offer STARTTLS');
    const tag = this.#nextTag();
    return { kind: 'send', output: `${tag} STARTTLS\r\n`, state: { kind: 'starttls', tag } };
  }

  #afterStartTls(response: ServerStatus): Reaction {
    if (response.status !== 'OK') return lacking('the server refused STARTTLS');
    // Bytes behind this OK were sent in clear and could be anybody's.
    if (this.#splitter.heldBytes > 0) return this.#failed('protocol', 'plain bytes behind the answer to STARTTLS');
    return { kind: 'start-tls' };
  }

  #identify(capabilities: Capabilities): Reaction {
    const { client } = this.#options;
    if (client === null || !capabilities.has('ID')) return this.#logIn(capabilities);
    const tag = this.#nextTag();
    return { kind: 'send', output: idCommand(tag, client), state: { kind: 'id', tag, capabilities } };
  }

  #logIn(capabilities: Capabilities): Reaction {
    const { credentials, auth } = this.#options;
    const problem = credentials.kind === 'password' ? credentialsProblem(credentials) : undefined;
    if (problem !== undefined)
      return refused({ kind: 'internal', detail: `credentials that no server may see: ${problem}` });
    const tag = this.#nextTag();
    const command = loginCommand(tag, credentials, capabilities, auth);
    if (command.kind === 'impossible') return lacking(command.reason);
    const [output, ...unsent] = command.pieces;
    const { spareCount } = command;
    return { kind: 'send', output, state: { kind: 'login', tag, unsent, spareCount, told: false } };
  }

  #continueLogin(state: ServerState): Reaction {
    const [output, ...unsent] = state.kind === 'login' ? state.unsent : [];
    if (state.kind !== 'login' || output === undefined)
      return this.#failed('protocol', 'a continuation nobody asked for');
    return { kind: 'send', output, state: { ...state, unsent } };
  }

  #afterLogin(response: ServerStatus, state: LoginState): Reaction {
    const seen = state.unsent.length > state.spareCount ? 'not-all' : 'all';
    if (response.status !== 'OK') return refused(imapLoginRefusal(response, this.#options.credentials, seen));
    if (seen === 'not-all') return this.#failed('protocol', 'an OK before the credentials were sent');
    if (state.told || response.code === 'CAPABILITY') return this.#accepted(response.text);
    // The client knows our capabilities only; it must learn the server's (RFC 9051 §7.2.2).
    const tag = this.#nextTag();
    const next: ServerState = { kind: 'login-capability', tag, text: response.text };
    return { kind: 'send', output: `${tag} CAPABILITY\r\n`, state: next };
  }

  #accepted(text: string): Reaction {
    const step: ServerStep = { kind: 'accepted', text, untagged: this.#untagged, pending: this.#splitter.takeRest() };
    return { kind: 'end', step };
  }

  #askCapabilities(): Reaction & { readonly kind: 'send' } {
    const tag = this.#nextTag();
    const state: ServerState = { kind: 'capability', tag, capabilities: undefined };
    return { kind: 'send', output: `${tag} CAPABILITY\r\n`, state };
  }

  #goodbye(response: ServerStatus): Reaction {
    const words = withholdCredentials(response.text, this.#options.credentials);
    return refused({ kind: 'remote', detail: `the server said BYE ${words} in state ${this.#state.kind}` });
  }

  #failed(kind: LoginFailureKind, what: string): Reaction {
    return refused({ kind, detail: `the server sent ${what} in state ${this.#state.kind}` });
  }

  #nextTag(): string {
    this.#tagCount += 1;
    return `u${this.#tagCount}`;
  }
}

function refused(failure: LoginFailure): Reaction {
  return { kind: 'end', step: { kind: 'refused', failure } };
}

function lacking(detail: string): Reaction {
  return refused({ kind: 'remote-configuration', detail });
}
