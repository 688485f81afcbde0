import { Buffer } from 'node:buffer';
import { LineSplitter, type SplitLine } from '../lines/line-splitter.js';
import { oneLine } from '../lines/one-line.js';
import { responseLengthMax } from '../sasl/base64.js';
import type { LoginCredentials } from '../sasl/login-credentials.js';
import type { ClientDialogue, ClientDialogueOptions, ClientResult, LoginFailure } from '../sasl/login-protocol.js';
import { type CommandPolicy, type Reaction, type Respond, reactToCommand, reactToResponse } from './client-commands.js';
import { popFailureWords } from './failure-replies.js';
import { parseCommand } from './syntax.js';

/** Where the conversation with the client stands. */
type ClientState =
  | { readonly kind: 'commands'; readonly user: string | undefined }
  /** AUTH waits for the client's answer. */
  | { readonly kind: 'sasl-response'; readonly respond: Respond }
  | { readonly kind: 'handshake' }
  /** The driver tries the credentials at a server. */
  | { readonly kind: 'login' }
  | { readonly kind: 'over'; readonly reason: string };

const nothing = Buffer.alloc(0);
const start: ClientState = { kind: 'commands', user: undefined };

/** So many lines are enough for every login; more are a flood that would be answered many times its size. */
const lineCountMax = 200;

/** The POP3 server of the door (RFC 1939; CAPA RFC 2449, STLS RFC 2595, AUTH RFC 5034) up to the login. */
export class PopClientDialogue implements ClientDialogue {
  readonly #options: ClientDialogueOptions;
  readonly #splitter: LineSplitter;
  #state: ClientState = start;
  #policy: CommandPolicy;
  /** Of the line that is due. */
  #lineLengthMax: number;
  #lineCount = 0;
  #badCommands = 0;
  #proxyTtl: number | null = null;

  constructor(options: ClientDialogueOptions) {
    this.#options = options;
    this.#splitter = new LineSplitter(options.commandSizeMax);
    this.#lineLengthMax = options.commandSizeMax;
    this.#policy = policyOf(options, options.tlsActive);
  }

  get heldBytes(): number {
    return this.#splitter.heldBytes;
  }

  greet(): ClientResult {
    return { output: Buffer.from(`+OK ${oneLine(this.#options.serverName)} POP3 ready.\r\n`), step: { kind: 'read' } };
  }

  receive(chunk: Buffer): ClientResult {
    switch (this.#state.kind) {
      case 'over':
        return this.#end('', this.#state.reason);
      case 'handshake':
        return this.#end('', 'plain bytes instead of a TLS handshake');
      case 'login':
        if (this.#splitter.heldBytes + chunk.length > this.#options.commandSizeMax) {
          return this.#end('-ERR Too much input behind a login.\r\n', 'too much input behind a login');
        }
        this.#splitter.push(chunk);
        return { output: nothing, step: { kind: 'read' } };
      case 'commands':
      case 'sasl-response':
        break;
    }
    this.#splitter.push(chunk);
    return this.#run('');
  }

  tlsStarted(): ClientResult {
    if (this.#state.kind !== 'handshake') throw new Error(`no TLS handshake is due in state ${this.#state.kind}`);
    // RFC 2595 §4: nothing the client said before TLS is used after it.
    this.#splitter.takeRest();
    this.#proxyTtl = null;
    this.#policy = policyOf(this.#options, true);
    this.#state = start;
    return { output: nothing, step: { kind: 'read' } };
  }

  loginRefused(failure: LoginFailure): ClientResult {
    if (this.#state.kind === 'over') return this.#end('', this.#state.reason);
    if (this.#state.kind !== 'login') throw new Error(`no login is pending in state ${this.#state.kind}`);
    const output = `-ERR ${popFailureWords(failure)}\r\n`;
    this.#state = start;
    if (failure.kind === 'authentication' && this.#countBad()) return this.#endBad(output);
    return this.#run(output);
  }

  loginAccepted(serverText: string, serverUntagged: Buffer): { readonly output: Buffer; readonly pending: Buffer } {
    if (this.#state.kind !== 'login') throw new Error(`no login is pending in state ${this.#state.kind}`);
    const reply = Buffer.from(`+OK ${oneLine(serverText, serverText.length)}\r\n`);
    this.#state = { kind: 'over', reason: 'logged in' };
    return { output: Buffer.concat([serverUntagged, reply]), pending: this.#splitter.takeRest() };
  }

  timedOut(): Buffer {
    return Buffer.from('-ERR Autologout: no login in time.\r\n');
  }

  /** Consumes what is held until the driver is needed. */
  #run(outputBefore: string): ClientResult {
    let output = outputBefore;
    for (;;) {
      const reaction = this.#reactToNext();
      output += reaction.output;
      switch (reaction.kind) {
        case 'wait':
          return { output: Buffer.from(output), step: { kind: 'read' } };
        case 'reply':
          this.#state = { kind: 'commands', user: reaction.user };
          break;
        case 'bad':
          this.#state = start;
          if (this.#countBad()) return this.#endBad(output);
          break;
        case 'challenge':
          this.#state = { kind: 'sasl-response', respond: reaction.respond };
          this.#lineLengthMax = responseLengthMax;
          break;
        case 'proxy-ttl':
          this.#proxyTtl = reaction.ttl;
          this.#state = { kind: 'commands', user: reaction.user };
          break;
        case 'login':
          return this.#askLogin(output, reaction.credentials);
        case 'start-tls':
          return this.#startTls(output);
        case 'close':
          return this.#end(output, reaction.reason);
      }
    }
  }

  #reactToNext(): Reaction {
    const split = this.#nextLine();
    switch (split.kind) {
      case 'more':
        return { kind: 'wait', output: '' };
      case 'too-long':
        return { kind: 'close', output: '-ERR The command is too long.\r\n', reason: 'command too long' };
      case 'line':
        break;
    }
    this.#lineCount += 1;
    if (this.#lineCount > lineCountMax) {
      return { kind: 'close', output: '-ERR Too many commands.\r\n', reason: 'too many commands without a login' };
    }
    if (this.#state.kind === 'sasl-response') {
      return reactToResponse(split.line.toString('latin1'), this.#state.respond);
    }
    const command = parseCommand(split.line);
    if (command.kind === 'malformed') return { kind: 'bad', output: `-ERR ${command.reason}\r\n` };
    const user = this.#state.kind === 'commands' ? this.#state.user : undefined;
    return reactToCommand(command, user, this.#policy);
  }

  /** AUTH may be as long as a response: RFC 5034 §4 wants a long one sent behind it, which not all clients know. */
  #nextLine(): SplitLine {
    const split = this.#splitter.nextLine(this.#lineLengthMax);
    if (split.kind === 'line') this.#lineLengthMax = this.#options.commandSizeMax;
    if (split.kind !== 'too-long' || this.#lineLengthMax >= responseLengthMax || !this.#holdsAuth()) return split;
    this.#lineLengthMax = responseLengthMax;
    return this.#nextLine();
  }

  #holdsAuth(): boolean {
    const held = this.#splitter.takeRest();
    this.#splitter.push(held);
    return this.#policy.login === 'allowed' && /^AUTH $/i.test(held.toString('latin1', 0, 5));
  }

  #askLogin(output: string, credentials: LoginCredentials): ClientResult {
    this.#state = { kind: 'login' };
    return { output: Buffer.from(output), step: { kind: 'login', credentials, proxyTtl: this.#proxyTtl } };
  }

  #startTls(output: string): ClientResult {
    // RFC 2595 §4: commands behind STLS were sent in clear by anybody; they must not count as said under TLS.
    if (this.#splitter.heldBytes > 0) {
      return this.#end(`${output}-ERR Nothing may follow STLS before TLS.\r\n`, 'input behind STLS');
    }
    this.#state = { kind: 'handshake' };
    return { output: Buffer.from(`${output}+OK Begin TLS negotiation now.\r\n`), step: { kind: 'start-tls' } };
  }

  /** Counts one more; true when it was one too many. */
  #countBad(): boolean {
    this.#badCommands += 1;
    return this.#badCommands >= this.#options.badCommandsMax;
  }

  // RFC 1939 §3: every command has one reply, so the last one is the goodbye.
  #endBad(output: string): ClientResult {
    return this.#end(output, 'too many bad commands');
  }

  #end(output: string, reason: string): ClientResult {
    this.#splitter.takeRest();
    this.#state = { kind: 'over', reason };
    return { output: Buffer.from(output), step: { kind: 'close', reason } };
  }
}

function policyOf(options: ClientDialogueOptions, tlsActive: boolean): CommandPolicy {
  return {
    stls: tlsActive ? 'active' : options.starttls ? 'offered' : 'absent',
    login: tlsActive || options.plaintextLogin ? 'allowed' : 'needs-tls',
    mechanisms: options.mechanisms,
    serverCapabilities: options.serverCapabilities,
  };
}
