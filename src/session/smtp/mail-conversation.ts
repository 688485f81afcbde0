import { reasonOf } from '../../errors.js';
import { TlsRefused } from '../../net/terminate-tls.js';
import { SmtpClientDialogue } from '../../protocols/smtp/client-dialogue.js';
import type { SmtpClientOptions } from '../../protocols/smtp/client-options.js';
import type { ClientTurn } from '../../protocols/smtp/client-step.js';
import type { SmtpReply } from '../../protocols/smtp/replies.js';
import type { Session } from '../session-registry.js';
import { ClientLink } from './client-link.js';
import { ownReplies } from './own-replies.js';
import { type SessionTimers, startSessionTimers } from './session-timers.js';
import type { ContextFor } from './smtp-services.js';
import { type Answer, SmtpSession, type SmtpSessionOptions } from './smtp-session.js';

export interface ConversationOptions extends Omit<SmtpSessionOptions, 'signal'> {
  readonly socket: ConstructorParameters<typeof ClientLink>[0];
  readonly dialogue: SmtpClientOptions;
  /** Null: STARTTLS is not offered. */
  readonly contextFor: ContextFor | null;
}

type Stage = 'open' | 'draining' | 'closed' | 'gone';

/** A client at a receive connector: moves bytes between its socket, the dialogue and the session, and ends it in time. */
export class MailConversation {
  /** Resolves when the connection is gone and no message is under way. */
  readonly ended: Promise<void>;
  readonly #options: ConversationOptions;
  readonly #session: SmtpSession;
  readonly #link: ClientLink;
  readonly #dialogue: SmtpClientDialogue;
  readonly #timers: SessionTimers;
  readonly #abort = new AbortController();
  readonly #entry: Session;
  readonly #leave: () => void;
  #output: Buffer[] = [];
  #stage: Stage = 'open';
  /** How many things are awaited. */
  #awaited = 0;
  #isLeft = false;
  #awaitsVerdict = false;
  /** Whether the client has done anything since it was last waited for; bytes that make no command are nothing. */
  #hasActed = true;

  constructor(options: ConversationOptions) {
    this.#options = options;
    const { services, connector, client, nowMs } = options;
    this.#session = new SmtpSession({ ...options, signal: this.#abort.signal });
    this.#dialogue = new SmtpClientDialogue(options.dialogue);
    this.#entry = {
      protocol: 'smtp',
      clientAddress: client.clientAddress,
      startedAtMs: nowMs(),
      user: null,
      server: null,
      drain: () => this.#drain(),
      destroy: () => this.#destroy(),
    };
    let resolve: () => void = () => undefined;
    this.ended = new Promise((settle) => {
      resolve = settle;
    });
    const remove = services.sessions.open(this.#entry);
    this.#leave = () => {
      if (this.#isLeft) return;
      this.#isLeft = true;
      try {
        this.#session.ended();
      } catch (error) {
        this.#session.log({ error: reasonOf(error) }, 'fault at the end of an SMTP conversation');
      }
      remove();
      resolve();
    };
    this.#timers = startSessionTimers({
      inactivityTimeoutMs: connector.inactivityTimeout,
      connectionTimeoutMs: connector.connectionTimeout,
      onInactive: () => this.#close(ownReplies.silent),
      onOverdue: () => (this.#awaitsVerdict ? this.#drain() : this.#close(ownReplies.overdue)),
    });
    this.#link = new ClientLink(options.socket, {
      received: (chunk) => this.#pump(() => this.#dialogue.receive(chunk)),
      ended: () => this.#finish(),
      gone: () => this.#gone(),
    });
    this.#session.tls = this.#link.tls;
  }

  /** Says the greeting when the agents have nothing against it. */
  begin(): void {
    if (this.#link.socket.destroyed) {
      this.#gone();
      return;
    }
    this.#timers.suspend();
    void this.#await(this.#session.connected(), (refusal) => {
      if (refusal !== null) return this.#close(refusal);
      if (this.#stage === 'draining') return this.#close(ownReplies.shuttingDown);
      if (this.#link.hasWaiting && this.#session.agents.areAsked) return this.#close(ownReplies.earlyTalker);
      this.#pump(() => this.#dialogue.greet());
    });
  }

  /** Follows the dialogue until it needs the client, or something has to be waited for. */
  #pump(begin: () => ClientTurn): void {
    try {
      let turn: ClientTurn | null = begin();
      while (turn !== null && this.#stage !== 'gone' && this.#stage !== 'closed') turn = this.#follow(turn);
    } catch (error) {
      this.#fault(error);
    }
  }

  /** Does a step; the next turn, or null when it comes later. */
  #follow({ output, step }: ClientTurn): ClientTurn | null {
    if (output.length > 0) {
      this.#output.push(output);
      this.#hasActed = true;
    }
    if (!this.#dialogue.hasTransaction && this.#session.hasTransaction) this.#session.abandon();
    switch (step.kind) {
      case 'read':
        return this.#read();
      case 'hello':
        return this.#answer(this.#session.hello(step.verb, step.name));
      case 'mail':
        return this.#answer(this.#session.mail(step.command));
      case 'recipient':
        return this.#answer(this.#session.recipient(step.command));
      case 'login':
        return this.#answer(this.#session.logIn(step.credentials));
      case 'xclient':
        return this.#answer(this.#session.xclient(step.attributes));
      case 'data':
        return this.#answer(this.#session.beginMessage(() => this.#awaitVerdict()));
      case 'body':
        return this.#body(step.bytes);
      case 'end-of-body':
        return this.#answer(this.#session.endMessage());
      case 'start-tls':
        void this.#startTls();
        return null;
      case 'close':
        this.#finish();
        return null;
    }
  }

  #read(): null {
    if (this.#stage === 'draining' && !this.#dialogue.hasTransaction) {
      this.#close(ownReplies.shuttingDown);
      return null;
    }
    this.#flush();
    if (this.#link.isClogged) {
      void this.#await(this.#link.drained(), () => this.#read());
      // Who does not read is silent too.
      this.#timers.resume();
      return null;
    }
    if (this.#hasActed) this.#timers.resume();
    this.#hasActed = false;
    this.#link.release();
    return null;
  }

  #body(bytes: Buffer): ClientTurn | null {
    const delivery = this.#session.delivery;
    if (delivery === null) throw new Error('bytes of no message');
    this.#hasActed = true;
    const waiting = delivery.take(bytes);
    if (waiting === null) return this.#bodyTaken();
    void this.#await(waiting, () => this.#pump(() => this.#bodyTaken() ?? closed));
    return null;
  }

  #bodyTaken(): ClientTurn | null {
    const { delivery } = this.#session;
    if (delivery === null || !delivery.isOverrun) return this.#dialogue.proceed();
    this.#close(delivery.abort());
    return null;
  }

  /** Gives the dialogue its answer, now or when it is there. */
  #answer(answer: Answer | Promise<Answer>): ClientTurn | null {
    if (!(answer instanceof Promise)) return this.#say(answer);
    void this.#await(answer, (later) => this.#pump(() => this.#say(later) ?? closed));
    return null;
  }

  #say(answer: Answer): ClientTurn | null {
    this.#awaitsVerdict = false;
    this.#hasActed = true;
    this.#entry.user = this.#session.login?.user ?? null;
    this.#dialogue.dismiss(this.#session.isDismissed ? ownReplies.blocked : null);
    const reply = answer === null || answer.enhanced !== null ? answer : withEnhancedCode(answer);
    if (!this.#session.mustClose || reply === null) return this.#dialogue.answer(reply);
    this.#close(reply);
    return null;
  }

  /** Holds the client while something of ours or of a server is awaited. */
  async #await<T>(pending: Promise<T>, then: (value: T) => void): Promise<void> {
    this.#awaited += 1;
    this.#link.hold();
    this.#flush();
    this.#timers.suspend();
    try {
      const value = await pending;
      if (this.#stage === 'open' || this.#stage === 'draining') then(value);
    } catch (error) {
      this.#awaitsVerdict = false;
      this.#fault(error);
    } finally {
      this.#awaited -= 1;
      if (this.#stage === 'gone' && this.#awaited === 0) this.#leave();
    }
  }

  #awaitVerdict(): void {
    this.#awaitsVerdict = true;
    this.#entry.server = this.#session.delivery?.server ?? null;
  }

  /** The patience with the client goes on during the handshake, when nothing can be said. */
  async #startTls(): Promise<void> {
    const { contextFor } = this.#options;
    if (contextFor === null) throw new Error('STARTTLS without a certificate');
    this.#link.hold();
    this.#flush();
    this.#timers.resume();
    try {
      await this.#link.startTls(contextFor);
    } catch (error) {
      if (!(error instanceof TlsRefused)) return this.#fault(error);
      return this.#session.log({ error: error.message }, 'no TLS');
    }
    if (this.#stage === 'gone') return undefined;
    this.#session.tlsStarted(this.#link.tls);
    return this.#pump(() => this.#dialogue.tlsStarted());
  }

  #flush(): void {
    if (this.#output.length === 0) return;
    this.#link.write(this.#output.length === 1 ? (this.#output[0] ?? closed.output) : Buffer.concat(this.#output));
    this.#output = [];
  }

  /** The connection ends with what is to be written. */
  #finish(last: Buffer = closed.output): void {
    if (this.#stage === 'closed' || this.#stage === 'gone') return;
    this.#stage = 'closed';
    this.#timers.stop();
    const output = Buffer.concat([...this.#output, last]);
    this.#output = [];
    this.#link.finish(output);
  }

  #close(reply: SmtpReply): void {
    if (this.#stage === 'closed' || this.#stage === 'gone') return;
    this.#finish(this.#dialogue.closing(reply));
    if (!this.#awaitsVerdict) this.#abort.abort(new Error(reply.text));
  }

  #drain(): void {
    if (this.#stage !== 'open') return;
    this.#stage = 'draining';
    if (this.#link.isShakingHands) this.#destroy();
    else if (!this.#dialogue.hasTransaction && this.#awaited === 0) this.#close(ownReplies.shuttingDown);
  }

  #destroy(): void {
    this.#abort.abort(new Error('the session was ended'));
    this.#link.destroy();
  }

  #gone(): void {
    if (this.#stage === 'gone') return;
    this.#stage = 'gone';
    this.#timers.stop();
    // Before the signal: a server that has none of the message yet is only told to forget it.
    if (this.#awaited === 0) this.#leave();
    if (!this.#awaitsVerdict) this.#abort.abort(new Error('the client is gone'));
  }

  #fault(error: unknown): void {
    this.#session.log({ error: reasonOf(error) }, 'fault in an SMTP conversation');
    this.#close(ownReplies.faultClosing);
  }
}

// RFC 2034 §4: who offers enhanced codes gives every reply one, also those of a server that has none.
function withEnhancedCode(reply: SmtpReply): SmtpReply {
  return reply.code < 400 && reply.code >= 300 ? reply : { ...reply, enhanced: `${Math.floor(reply.code / 100)}.0.0` };
}

const closed: ClientTurn = { output: Buffer.alloc(0), step: { kind: 'close', reason: 'closed' } };
