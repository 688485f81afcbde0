import type { LoginCredentials } from '../../protocols/sasl/login-credentials.js';
import type { AddressCommand } from '../../protocols/smtp/client-step.js';
import { describeReply, type SmtpReply } from '../../protocols/smtp/replies.js';
import { judgeConnection, type MailSession, standingOf } from '../../routing/mail-session.js';
import { loginKey } from '../../routing/recipients.js';
import type { ReceiveConnector } from '../../topology/catalogue/catalogue.js';
import { canonicalAddress, isAddress } from '../../topology/ranges.js';
import type { ClientConnection } from '../admit-connection.js';
import { pause } from '../pause.js';
import { heloNameOf } from './helo-name.js';
import type { LoggedInConnection } from './log-in-submitter.js';
import { MailTransaction, replyInWire } from './mail-transaction.js';
import { MessageDelivery } from './message-delivery.js';
import type { MessageRates } from './message-rates.js';
import { abandonEarly, openEarly } from './open-early.js';
import { ownReplies } from './own-replies.js';
import { recordRefusal } from './record-message.js';
import type { ServerPool } from './server-pool.js';
import type { ServerSetting } from './server-setting.js';
import type { ServerTransaction, TransactionDeadlines } from './server-transaction.js';
import { SessionAgents } from './session-agents.js';
import type { SmtpServices } from './smtp-services.js';
import { logInAtServer, loginReply } from './submission-login.js';
import { tarpitMs } from './tarpit.js';

/** Consent is null. */
export type Answer = SmtpReply | null;

export interface SmtpSessionOptions {
  readonly services: SmtpServices;
  readonly id: string;
  readonly connector: ReceiveConnector;
  readonly client: ClientConnection;
  readonly nowMs: () => number;
  readonly deadlines: TransactionDeadlines;
  readonly pool: ServerPool;
  readonly rates: MessageRates;
  /** Raised when the client is gone or must go, while no server's word on a message is awaited. */
  readonly signal: AbortSignal;
}

/** The user that logged on, and the server that took the credentials. */
interface Login {
  readonly user: string;
  readonly server: string;
  readonly connection: LoggedInConnection;
}

/** What the door says to one client: judges its commands and hands its messages on. Knows no socket of the client. */
export class SmtpSession {
  readonly options: SmtpSessionOptions;
  readonly agents: SessionAgents;
  client: ClientConnection;
  helo = '';
  verb: 'EHLO' | 'HELO' = 'HELO';
  tls: { readonly version: string; readonly cipher: string } | null = null;
  /** Set when the connection is to be closed after the answer that was just given. */
  mustClose = false;
  /** Set while the client, whose address is blocked, is heard to the end of its recipients and no further. */
  isDismissed = false;
  login: Login | null = null;
  /** What was given up last at a server, which may not know of it yet. */
  abandoned: ServerTransaction | null = null;
  #transaction: MailTransaction | null = null;
  #delivery: MessageDelivery | null = null;
  #logonFailures = 0;

  constructor(options: SmtpSessionOptions) {
    this.options = options;
    this.client = options.client;
    this.agents = new SessionAgents(this);
  }

  get delivery(): MessageDelivery | null {
    return this.#delivery;
  }

  /** The estate of this moment, and who the client counts as in it. */
  mailSession(): MailSession {
    const { services, connector } = this.options;
    const { topology, directory, frontEnd } = services.snapshot();
    const { clientAddress } = this.client;
    const user = this.login?.user ?? null;
    return { topology, directory, frontEnd, connector, clientAddress, user, screening: null };
  }

  /** What goes with every question to a server. */
  serverSetting(): ServerSetting {
    const { services, deadlines, signal } = this.options;
    const { clientAddress: address, clientPort: port, localAddress, localPort } = this.client;
    return {
      heloName: heloNameOf(services.snapshot().frontEnd.host),
      client: {
        address,
        port,
        localAddress,
        localPort,
        helo: this.helo,
        protocol: this.verb === 'EHLO' ? 'ESMTP' : 'SMTP',
        user: this.login?.user ?? null,
      },
      deadlines,
      signal,
    };
  }

  /** Before the greeting, and again for another client behind XCLIENT. */
  async connected(): Promise<Answer> {
    const session = this.mailSession();
    const { refusal } = judgeConnection(session);
    if (refusal !== null) {
      this.mustClose = true;
      return replyInWire(refusal.reply);
    }
    await this.agents.connect(session);
    return null;
  }

  hello(verb: 'EHLO' | 'HELO', name: string): Answer | Promise<Answer> {
    this.verb = verb;
    this.helo = name;
    return this.agents.hello();
  }

  mail(command: AddressCommand): Answer | Promise<Answer> {
    const session = this.mailSession();
    // A user is not asked about; the agents of a stranger are needed again when STARTTLS has ended the login.
    if (session.user !== null || !this.agents.areOutdated(session)) return this.#mail(command, session);
    return this.agents.connect(session).then(() => this.#mail(command, this.mailSession()));
  }

  recipient(command: AddressCommand): Answer | Promise<Answer> {
    const transaction = this.#transaction;
    if (transaction === null) throw new Error('RCPT without MAIL');
    const judged = transaction.addRecipient(command, this.options.services);
    if (judged instanceof Promise) return judged.then((reply) => this.#judged(transaction, command, reply));
    return this.#judged(transaction, command, judged);
  }

  async logIn(credentials: LoginCredentials): Promise<Answer> {
    const session = { ...this.mailSession(), user: credentials.user };
    const setting = this.serverSetting();
    const outcome = await logInAtServer(session, credentials, this.options.services, setting);
    if (outcome.kind === 'accepted') {
      this.login = { user: credentials.user, server: outcome.server, connection: outcome.connection };
      this.log({ user: credentials.user, server: outcome.server }, 'logged on');
      return null;
    }
    this.log({ user: credentials.user, reason: outcome.reason }, 'logon refused');
    const { maxLogonFailures } = this.options.connector;
    if (outcome.kind === 'refused') this.#logonFailures += 1;
    if (maxLogonFailures > 0 && this.#logonFailures >= maxLogonFailures) this.mustClose = true;
    return loginReply(outcome);
  }

  /** A trusted peer says whom it speaks for (Postfix XCLIENT_README); judged anew like a new connection. */
  async xclient(attributes: Readonly<Record<string, string>>): Promise<Answer> {
    const address = (attributes['ADDR'] ?? this.client.clientAddress).replace(/^IPV6:/i, '');
    const port = Number(attributes['PORT'] ?? this.client.clientPort);
    const isPort = Number.isInteger(port) && port >= 0 && port <= 65_535;
    if (!isAddress(address) || !isPort) return ownReplies.badAttribute;
    this.#forgetLogin();
    this.client = { ...this.client, clientAddress: canonicalAddress(address), clientPort: port };
    this.helo = attributes['HELO'] ?? this.helo;
    this.log({ helo: this.helo }, 'the client is known by XCLIENT');
    return this.connected();
  }

  /** DATA or the first BDAT. */
  async beginMessage(onVerdictAwaited: () => void): Promise<Answer> {
    const transaction = this.#transaction;
    if (transaction === null) throw new Error('DATA without MAIL');
    this.#delivery = new MessageDelivery(this, transaction, onVerdictAwaited);
    const reply = await this.#delivery.begin();
    // A refusal of DATA leaves the transaction: it may be asked for again.
    if (reply !== null) this.#delivery = null;
    return reply;
  }

  async endMessage(): Promise<SmtpReply> {
    if (this.#delivery === null) throw new Error('the end of no message');
    const reply = await this.#delivery.finish();
    this.#done();
    return reply;
  }

  /** The transaction came to nothing: RSET, a new EHLO, the end of the connection. */
  abandon(): void {
    if (this.#transaction === null) return;
    if (this.#delivery !== null) this.#delivery.abort();
    else this.#giveUp(this.#transaction);
    this.#done();
  }

  get hasTransaction(): boolean {
    return this.#transaction !== null;
  }

  /** RFC 3207 §4.2: what was said before TLS does not count. */
  tlsStarted(tls: SmtpSession['tls']): void {
    this.tls = tls;
    this.helo = '';
    this.#forgetLogin();
  }

  ended(): void {
    try {
      this.abandon();
    } finally {
      this.#forgetLogin();
      this.agents.disconnect();
    }
  }

  log(fields: Readonly<Record<string, unknown>>, message: string): void {
    const { services, connector, id } = this.options;
    services.log.info(
      { session: id, client: this.client.clientAddress, connector: connector.name, ...fields },
      message,
    );
  }

  #forgetLogin(): void {
    this.login?.connection.quit();
    this.login = null;
  }

  #done(): void {
    this.#transaction = null;
    this.#delivery = null;
    this.agents.about(null);
  }

  #mail(command: AddressCommand, session: MailSession): Answer | Promise<Answer> {
    const { nowMs, rates, connector } = this.options;
    const source =
      session.user === null ? this.client.clientAddress : (loginKey(session.topology, session.user) ?? session.user);
    if (standingOf(session) !== 'server' && !rates.take(connector, source)) return ownReplies.tooManyMessages;
    const screened = { ...session, screening: this.agents.screen(session) };
    const begun = MailTransaction.begin(screened, command, nowMs());
    return begun instanceof Promise ? begun.then((later) => this.#begun(command, later)) : this.#begun(command, begun);
  }

  #giveUp(transaction: MailTransaction): void {
    abandonEarly(this, transaction);
    const last = transaction.envelope.recipients.at(-1)?.reply;
    if (last) recordRefusal(this, transaction.from, transaction, replyInWire(last));
  }

  #begun(command: AddressCommand, begun: MailTransaction | SmtpReply): Answer {
    if (begun instanceof MailTransaction) {
      this.#transaction = begun;
      this.agents.about(begun);
      return null;
    }
    this.log({ from: command.address, reply: describeReply(begun) }, 'sender refused');
    recordRefusal(this, command.address, null, begun);
    return begun;
  }

  #judged(transaction: MailTransaction, command: AddressCommand, reply: Answer): Answer | Promise<Answer> {
    if (reply === null) {
      this.isDismissed = false;
      return this.#tryEarly(transaction, command);
    }
    if (this.agents.isBlocked && transaction.recipients.length === 0) this.isDismissed = true;
    return this.#refuseRecipient(transaction, command, reply);
  }

  #tryEarly(transaction: MailTransaction, command: AddressCommand): Answer | Promise<Answer> {
    const isEarly = transaction.early !== null || (!this.agents.judgesMessages && transaction.isServerCertain);
    if (!isEarly || transaction.isRepeated || transaction.earlyRefusal !== null) return null;
    return openEarly(this, transaction).then((reply) =>
      reply === null ? null : this.#refuseRecipient(transaction, command, reply),
    );
  }

  #refuseRecipient(transaction: MailTransaction, command: AddressCommand, reply: SmtpReply): Answer | Promise<Answer> {
    const fields = { from: transaction.from, recipient: command.address, reply: describeReply(reply) };
    this.log(fields, 'recipient refused');
    const delayMs = tarpitMs(this.options.connector, transaction.standing, reply);
    return delayMs === 0 ? reply : pause(delayMs, this.options.signal).then(() => reply);
  }
}
