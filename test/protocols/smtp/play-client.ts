import { SmtpClientDialogue } from '../../../src/protocols/smtp/client-dialogue.js';
import type { SmtpClientOptions } from '../../../src/protocols/smtp/client-options.js';
import type { ClientStep, ClientTurn } from '../../../src/protocols/smtp/client-step.js';
import type { SmtpReply } from '../../../src/protocols/smtp/replies.js';

export const defaults: SmtpClientOptions = {
  serverName: 'mx.contoso.com',
  banner: null,
  tls: 'offered',
  needsTls: false,
  mechanisms: { plain: ['PLAIN', 'LOGIN'], secure: ['PLAIN', 'LOGIN', 'XOAUTH2', 'OAUTHBEARER'] },
  sizeMax: 1000,
  extensions: { smtputf8: true, dsn: true, chunking: true },
  xclient: [],
  protocolErrorsMax: 1000,
};

/** What a driver answers; a step it does not care for gets the usual consent. */
export type Judge = (step: ClientStep) => SmtpReply | null;

export const taken: SmtpReply = { code: 250, enhanced: '2.6.0', text: 'taken' };
export const consent: Judge = (step) => (step.kind === 'end-of-body' ? taken : null);

export function refuse(kind: ClientStep['kind'], code: number, enhanced: string | null = null): Judge {
  return (step) => (step.kind === kind ? { code, enhanced, text: 'no' } : consent(step));
}

/** A driver without sockets. The log has the lines said as they are and the steps after `-> `. */
export class ClientPlay {
  readonly dialogue: SmtpClientDialogue;
  readonly log: string[] = [];
  readonly #judge: Judge;
  isOver = false;
  heldMax = 0;

  constructor(options: Partial<SmtpClientOptions> = {}, judge: Judge = consent) {
    this.dialogue = new SmtpClientDialogue({ ...defaults, ...options });
    this.#judge = judge;
    this.#follow(this.dialogue.greet());
  }

  /** Hands bytes over (a character a byte) and follows the steps; what was logged meanwhile. */
  send(bytes: string | Buffer): string[] {
    const before = this.log.length;
    this.#follow(this.dialogue.receive(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes));
    this.heldMax = Math.max(this.heldMax, this.dialogue.heldBytes);
    return this.log.slice(before);
  }

  #follow(first: ClientTurn): void {
    for (let turn: ClientTurn | null = first; turn !== null; ) {
      if (turn.output.length > 0) this.log.push(...turn.output.toString('utf8').slice(0, -2).split('\r\n'));
      const { step } = turn;
      this.#note(step);
      turn = this.#next(step);
    }
  }

  #next(step: ClientStep): ClientTurn | null {
    switch (step.kind) {
      case 'read':
        return null;
      case 'close':
        this.isOver = true;
        return null;
      case 'body':
        return this.dialogue.proceed();
      case 'start-tls':
        return this.dialogue.tlsStarted();
      default:
        return this.dialogue.answer(this.#judge(step));
    }
  }

  #note(step: ClientStep): void {
    const last = this.log.at(-1);
    if (step.kind === 'read' || (step.kind === 'close' && this.isOver)) return;
    if (step.kind !== 'body') this.log.push(describeStep(step));
    else if (last?.startsWith('-> body ')) this.log[this.log.length - 1] = last + step.bytes.toString('latin1');
    else this.log.push(`-> body ${step.bytes.toString('latin1')}`);
  }
}

function describeStep(step: ClientStep): string {
  switch (step.kind) {
    case 'hello':
      return `-> ${step.verb} ${step.name}`;
    case 'mail':
    case 'recipient': {
      const { address, parameters } = step.command;
      const words = Object.entries(parameters).map(([name, value]) => ` ${name}${value === true ? '' : `=${value}`}`);
      return `-> ${step.kind} <${address}>${words.join('')}`;
    }
    case 'login': {
      const { credentials } = step;
      if (credentials.kind === 'token') return `-> login ${credentials.mechanism} ${credentials.user}`;
      const { authorizationId, user, password } = credentials;
      return `-> login ${[authorizationId, user, password].join('|')}`;
    }
    case 'xclient':
      return `-> xclient ${JSON.stringify(step.attributes)}`;
    case 'close':
      return `-> close: ${step.reason}`;
    default:
      return `-> ${step.kind}`;
  }
}
