import type { Readable } from 'node:stream';
import { reasonOf } from '../../errors.js';
import { describeReply, type SmtpReply } from '../../protocols/smtp/replies.js';
import type { Decision } from '../../routing/decision.js';
import type { MailSession } from '../../routing/mail-session.js';
import type { ReceiveConnector } from '../../topology/catalogue/catalogue.js';
import type { DoorServices } from '../door-services.js';
import type { Session } from '../session-registry.js';
import { MailTransaction, replyInWire } from './mail-transaction.js';
import { ownReplies } from './own-replies.js';
import { addressLiteral, receivedHeader } from './received-header.js';
import type { AddressCommand, ClientGreeting, Receiver, ReceiverHandlers } from './receiver.js';
import { type RelayOutcome, relayMessage, type Waiting } from './relay-message.js';
import { screenClient } from './screen-client.js';
import type { TransactionDeadlines } from './server-transaction.js';
import { type SessionTimers, startSessionTimers } from './session-timers.js';

export interface ConversationOptions {
  readonly services: DoorServices;
  readonly connector: ReceiveConnector;
  readonly clientAddress: string;
  readonly sessionId: string;
  readonly nowMs: () => number;
  readonly deadlines: TransactionDeadlines;
}

type Stage = 'open' | 'draining' | 'closed';

/** A client at a receive connector: judges its commands, hands its messages on, and knows when it must end. */
export class MailConversation implements ReceiverHandlers {
  /** Resolves when the connection is gone and no message is under way. */
  readonly ended: Promise<void>;
  readonly #options: ConversationOptions;
  readonly #entry: Session;
  readonly #timers: SessionTimers;
  readonly #abort = new AbortController();
  #receiver: Receiver | null = null;
  #stage: Stage = 'open';
  #transaction: MailTransaction | null = null;
  #waiting: Waiting | null = null;
  readonly #leave: () => void;

  constructor(options: ConversationOptions) {
    this.#options = options;
    const { services, connector, clientAddress, nowMs } = options;
    this.#entry = {
      protocol: 'smtp',
      clientAddress,
      startedAtMs: nowMs(),
      user: null,
      server: null,
      drain: () => this.#drain(),
      destroy: () => this.#destroy(),
    };
    this.#timers = startSessionTimers({
      inactivityTimeoutMs: connector.inactivityTimeout,
      connectionTimeoutMs: connector.connectionTimeout,
      onInactive: () => this.#close(ownReplies.silent),
      onOverdue: () => (this.#waiting === 'verdict' ? this.#drain() : this.#close(ownReplies.overdue)),
    });
    const remove = services.sessions.open(this.#entry);
    let resolve: () => void = () => undefined;
    this.ended = new Promise((settle) => {
      resolve = settle;
    });
    this.#leave = () => {
      remove();
      resolve();
    };
  }

  /** The receiving side that will call the handlers. */
  begin(receiver: Receiver): void {
    this.#receiver = receiver;
    if (this.#stage === 'draining') this.answered();
  }

  mail(command: AddressCommand, greeting: ClientGreeting): SmtpReply | null {
    const { services, connector, clientAddress } = this.#options;
    return this.#guard(() => {
      const { topology, directory, frontEnd } = services.snapshot();
      const screening = screenClient(topology, clientAddress, this.#options.nowMs());
      const session: MailSession = { topology, directory, frontEnd, connector, clientAddress, user: null, screening };
      const begun = MailTransaction.begin(session, command, greeting);
      if (begun instanceof MailTransaction) {
        this.#transaction = begun;
        return null;
      }
      this.#log({ from: command.address, reply: describeReply(begun) }, 'sender refused');
      return begun;
    });
  }

  recipient(command: AddressCommand): SmtpReply | null {
    return this.#guard(() => {
      const transaction = this.#transaction;
      if (transaction === null) throw new Error('RCPT without MAIL');
      const reply = transaction.addRecipient(command, this.#options.services);
      if (reply === null) return null;
      const fields = { from: transaction.from, recipient: command.address, reply: describeReply(reply) };
      this.#log(fields, 'recipient refused');
      return reply;
    });
  }

  async message(body: Readable): Promise<SmtpReply> {
    body.on('error', ignore);
    try {
      return await this.#relay(body);
    } catch (error) {
      this.#fault(error);
      body.resume();
      return ownReplies.fault;
    } finally {
      this.#waiting = null;
      this.#transaction = null;
      this.#timers.resume();
      if (this.#stage === 'closed') this.#leave();
    }
  }

  answered(): void {
    this.#timers.touch();
    if (this.#stage !== 'draining') return;
    setImmediate(() => {
      if (this.#receiver?.hasTransaction === false) this.#close(ownReplies.shuttingDown);
    });
  }

  /** The connection is gone; also to be called when it never came to a receiver. */
  gone(): void {
    this.#stage = 'closed';
    this.#timers.stop();
    if (this.#waiting !== 'verdict') this.#abort.abort(new Error('the client is gone'));
    if (this.#waiting === null) this.#leave();
  }

  async #relay(body: Readable): Promise<SmtpReply> {
    const transaction = this.#transaction;
    if (transaction === null) throw new Error('DATA without MAIL');
    const { services, clientAddress, sessionId, nowMs, deadlines } = this.#options;
    const startedAtMs = nowMs();
    this.#wait('server');
    const decision = transaction.decide(services);
    const { helo, protocol } = transaction.greeting;
    const host = transaction.frontEndHost;
    const text = receivedHeader({ helo, clientAddress, host, protocol, sessionId, atMs: startedAtMs });
    const header = Buffer.from(text, 'latin1');
    const size = transaction.sizeBytes === null ? undefined : transaction.sizeBytes + header.length;
    const outcome = await relayMessage({
      body,
      header,
      sizeMax: transaction.sizeMax,
      envelope: {
        from: transaction.from,
        to: transaction.recipients,
        size,
        body8bit: transaction.body8bit,
        smtputf8: false,
      },
      candidates: decision.reply === null ? transaction.candidatesOf(decision, services) : replyInWire(decision.reply),
      heloName: /^[\d.]+$|:/.test(host) ? addressLiteral(host) : host,
      deadlines,
      signal: this.#abort.signal,
      onWait: (waiting) => this.#wait(waiting),
    });
    this.#entry.server = outcome.server;
    this.#logMessage(transaction, decision, outcome, nowMs() - startedAtMs);
    if (outcome.kind === 'overrun') this.#close(outcome.reply);
    return outcome.reply;
  }

  #wait(waiting: Waiting): void {
    if (waiting === this.#waiting) {
      this.#timers.touch();
      return;
    }
    this.#waiting = waiting;
    if (waiting === 'client') this.#timers.resume();
    else this.#timers.suspend();
  }

  #drain(): void {
    if (this.#stage === 'closed') return;
    this.#stage = 'draining';
    if (this.#receiver !== null && !this.#receiver.hasTransaction) this.#close(ownReplies.shuttingDown);
  }

  #close(reply: SmtpReply): void {
    if (this.#stage === 'closed') return;
    if (this.#waiting !== 'verdict') this.#abort.abort(new Error(reply.text));
    this.#receiver?.close(reply);
  }

  #destroy(): void {
    this.#abort.abort(new Error('the session was ended'));
    this.#receiver?.destroy();
  }

  #guard(judge: () => SmtpReply | null): SmtpReply | null {
    try {
      return judge();
    } catch (error) {
      this.#fault(error);
      return ownReplies.fault;
    }
  }

  #fault(error: unknown): void {
    const { services, sessionId } = this.#options;
    services.log.error({ session: sessionId, error: reasonOf(error) }, 'fault in an SMTP conversation');
  }

  #logMessage(transaction: MailTransaction, decision: Decision, outcome: RelayOutcome, durationMs: number): void {
    const fields = {
      from: transaction.from,
      recipients: transaction.recipients.slice(0, loggedMax),
      reason: decision.reason,
      trace: decision.trace.slice(-loggedMax).map(({ rule, detail }) => `${rule}: ${detail}`),
      server: outcome.server,
      tried: outcome.tried,
      outcome: outcome.kind,
      reply: describeReply(outcome.reply),
      bodyBytes: outcome.bodyBytes,
      durationMs,
    };
    this.#log(fields, outcome.reply.code < 300 ? 'message accepted' : 'message not accepted');
  }

  #log(fields: Readonly<Record<string, unknown>>, message: string): void {
    const { services, clientAddress, connector, sessionId } = this.#options;
    services.log.info({ session: sessionId, client: clientAddress, connector: connector.name, ...fields }, message);
  }
}

const loggedMax = 100;

function ignore(): void {
  // `close` follows every `error`; whoever reads the body learns of it there.
}
