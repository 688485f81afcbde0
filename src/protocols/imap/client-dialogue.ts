import { Buffer } from 'node:buffer';
import { oneLine } from '../lines/one-line.js';
import type { ClientDialogue, ClientDialogueOptions, ClientResult, LoginFailure } from '../sasl/login-protocol.js';
import { type Reaction, type Respond, reactToCommand, reactToLiteral, reactToMechanism } from './client-commands.js';
import { type CommandPolicy, commandPolicy } from './command-policy.js';
import { CommandReader } from './command-reader.js';
import { imapFailureWords } from './failure-replies.js';

/** Where the conversation with the client stands. */
type ClientState =
  | { readonly kind: 'commands' }
  /** AUTHENTICATE waits for the client's answer. */
  | { readonly kind: 'sasl-response'; readonly tag: string; readonly respond: Respond }
  | { readonly kind: 'handshake' }
  /** The driver tries the credentials at a server. */
  | { readonly kind: 'login'; readonly tag: string }
  | { readonly kind: 'over'; readonly reason: string };

const nothing = Buffer.alloc(0);
// Clients send five or so before they log in; the answers to a chunk full of commands must not pile up.
const reactionCountMax = 200;

/**
 * The IMAP server of the door (RFC 9051, 3501; SASL-IR RFC 4959, LITERAL+ RFC 7888, ID RFC 2971) up to the login.
 * A refused token is answered NO at once, without the error challenge of RFC 7628 §3.2.2: clients take either, and what
 * the mailbox server has told us in its challenge is meant for us.
 */
export class ImapClientDialogue implements ClientDialogue {
  readonly #options: ClientDialogueOptions;
  readonly #reader: CommandReader;
  #state: ClientState = { kind: 'commands' };
  #policy: CommandPolicy;
  #badCommands = 0;
  #reactionCount = 0;
  #proxyTtl: number | null = null;

  constructor(options: ClientDialogueOptions) {
    this.#options = options;
    this.#reader = new CommandReader(options.commandSizeMax);
    this.#policy = commandPolicy(options, options.tlsActive ? 'tls' : 'clear');
  }

  get heldBytes(): number {
    return this.#reader.heldBytes;
  }

  greet(): ClientResult {
    const { capabilities } = this.#policy;
    const name = oneLine(this.#options.serverName);
    return {
      output: Buffer.from(`* OK [CAPABILITY ${capabilities}] ${name} IMAP4 ready.\r\n`),
      step: { kind: 'read' },
    };
  }

  receive(chunk: Buffer): ClientResult {
    switch (this.#state.kind) {
      case 'over':
        return this.#end('', this.#state.reason);
      case 'handshake':
        return this.#end('', 'plain bytes instead of a TLS handshake');
      case 'login':
        if (this.#reader.heldBytes + chunk.length > this.#options.commandSizeMax) {
          return this.#end('* BYE Too much input behind a login.\r\n', 'too much input behind a login');
        }
        this.#reader.push(chunk);
        return { output: nothing, step: { kind: 'read' } };
      case 'commands':
      case 'sasl-response':
        break;
    }
    this.#reader.push(chunk);
    return this.#run('');
  }

  tlsStarted(): ClientResult {
    if (this.#state.kind !== 'handshake') throw new Error(`no TLS handshake is due in state ${this.#state.kind}`);
    // RFC 9051 §6.2.1: nothing the client said before TLS is used after it.
    this.#reader.takeRest();
    this.#proxyTtl = null;
    this.#policy = commandPolicy(this.#options, 'tls');
    this.#state = { kind: 'commands' };
    return { output: nothing, step: { kind: 'read' } };
  }

  loginRefused(failure: LoginFailure): ClientResult {
    if (this.#state.kind === 'over') return this.#end('', this.#state.reason);
    if (this.#state.kind !== 'login') throw new Error(`no login is pending in state ${this.#state.kind}`);
    const output = `${this.#state.tag} NO ${imapFailureWords(failure)}\r\n`;
    this.#state = { kind: 'commands' };
    if (failure.kind === 'authentication' && this.#countBad()) return this.#endBad(output);
    return this.#run(output);
  }

  loginAccepted(serverText: string, serverUntagged: Buffer): { readonly output: Buffer; readonly pending: Buffer } {
    if (this.#state.kind !== 'login') throw new Error(`no login is pending in state ${this.#state.kind}`);
    const tagged = Buffer.from(`${this.#state.tag} OK ${oneLine(serverText, serverText.length)}\r\n`);
    this.#state = { kind: 'over', reason: 'logged in' };
    return { output: Buffer.concat([serverUntagged, tagged]), pending: this.#reader.takeRest() };
  }

  timedOut(): Buffer {
    return Buffer.from('* BYE Autologout: no login in time.\r\n');
  }

  /** Consumes what is held until the driver is needed. */
  #run(outputBefore: string): ClientResult {
    let output = outputBefore;
    for (;;) {
      const reaction =
        this.#state.kind === 'sasl-response'
          ? this.#reactToLine(this.#state.tag, this.#state.respond)
          : this.#reactToNext();
      if (reaction.kind !== 'wait' && this.#countReaction()) return this.#endLong(output);
      output += reaction.output;
      switch (reaction.kind) {
        case 'wait':
          return { output: Buffer.from(output), step: { kind: 'read' } };
        case 'reply':
          this.#state = { kind: 'commands' };
          break;
        case 'identified':
          this.#limitProxyTtl(reaction.proxyTtl);
          break;
        case 'bad':
          this.#state = { kind: 'commands' };
          if (this.#countBad()) return this.#endBad(output);
          break;
        case 'challenge':
          this.#state = { kind: 'sasl-response', tag: reaction.tag, respond: reaction.respond };
          break;
        case 'login': {
          const { tag, credentials } = reaction;
          this.#state = { kind: 'login', tag };
          return { output: Buffer.from(output), step: { kind: 'login', credentials, proxyTtl: this.#proxyTtl } };
        }
        case 'start-tls':
          return this.#startTls(output, reaction.tag);
        case 'close':
          return this.#end(output, reaction.reason);
      }
    }
  }

  #reactToNext(): Reaction {
    const read = this.#reader.next();
    switch (read.kind) {
      case 'more':
        return { kind: 'wait', output: '' };
      case 'too-long':
        return tooLong;
      case 'malformed':
        return { kind: 'bad', output: `${read.tag} BAD ${read.reason}\r\n` };
      case 'command':
        return reactToCommand(read.command, this.#policy);
      case 'literal-offered':
        break;
    }
    const refusal = reactToLiteral(read, this.#policy);
    if (refusal !== undefined) {
      this.#reader.refuseLiteral();
      return refusal;
    }
    this.#reader.acceptLiteral();
    return { kind: 'reply', output: '+ OK\r\n' };
  }

  /** The client's answer to the challenge of AUTHENTICATE. */
  #reactToLine(tag: string, respond: Respond): Reaction {
    const split = this.#reader.nextLine();
    if (split.kind === 'more') return { kind: 'wait', output: '' };
    if (split.kind === 'too-long') return tooLong;
    const response = split.line.toString('latin1');
    // RFC 9051 §6.2.2: a cancelled exchange is answered BAD.
    if (response === '*') return { kind: 'bad', output: `${tag} BAD Authentication cancelled.\r\n` };
    return reactToMechanism(tag, respond(response));
  }

  /** A proxy may say so more than once; it can never raise what it has said. */
  #limitProxyTtl(said: number | null): void {
    if (said !== null) this.#proxyTtl = Math.min(said, this.#proxyTtl ?? said);
  }

  #startTls(output: string, tag: string): ClientResult {
    // RFC 9051 §6.2.1: commands behind STARTTLS were sent in clear by anybody; they must not count as said under TLS.
    if (this.#reader.heldBytes > 0) {
      const refusal = `${tag} BAD Nothing may follow STARTTLS before TLS.\r\n* BYE Nothing may follow STARTTLS.\r\n`;
      return this.#end(output + refusal, 'input behind STARTTLS');
    }
    this.#state = { kind: 'handshake' };
    return { output: Buffer.from(`${output}${tag} OK Begin TLS negotiation now.\r\n`), step: { kind: 'start-tls' } };
  }

  /** Counts one more; true when it was one too many. */
  #countBad(): boolean {
    this.#badCommands += 1;
    return this.#badCommands >= this.#options.badCommandsMax;
  }

  /** Counts one more; true when it was one too many. */
  #countReaction(): boolean {
    this.#reactionCount += 1;
    return this.#reactionCount > reactionCountMax;
  }

  #endLong(output: string): ClientResult {
    return this.#end(`${output}* BYE Too many commands without a login.\r\n`, 'too many commands without a login');
  }

  #endBad(output: string): ClientResult {
    return this.#end(`${output}* BYE Too many bad commands.\r\n`, 'too many bad commands');
  }

  #end(output: string, reason: string): ClientResult {
    this.#reader.takeRest();
    this.#state = { kind: 'over', reason };
    return { output: Buffer.from(output), step: { kind: 'close', reason } };
  }
}

const tooLong: Reaction = { kind: 'close', output: '* BYE The command is too long.\r\n', reason: 'command too long' };
