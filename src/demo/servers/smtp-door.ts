import { randomUUID } from 'node:crypto';
import { createServer, type Server } from 'node:net';

import { SMTPServer, type SMTPServerDataStream, type SMTPServerSession } from 'smtp-server';

import type { Fault } from './conversation.js';
import type { ServerLimits } from './server-limits.js';
import { findMailbox, knowsPassword, type MailboxHost } from './sign-in.js';
import { type DeliveryOutcome, deliver } from './smtp-delivery.js';

export interface SmtpDoorOptions {
  readonly host: MailboxHost;
  readonly limits: ServerLimits;
  /** `submission` asks for a password first. */
  readonly kind: 'smtp' | 'submission';
  /** Hears of every mailbox that is active on another server and was delivered to by this one. */
  readonly transfer: (recipient: string) => void;
  readonly onFault: Fault;
}

/** A server that takes mail and is yet to listen. */
export function createSmtpDoor(options: SmtpDoorOptions): Server {
  const { host, limits, kind } = options;
  const signedIn = new Map<string, () => void>();
  const smtp = new SMTPServer({
    name: host.name,
    banner: 'ready',
    logger: false,
    size: limits.messageBytesMax,
    rejectOversized: true,
    hideENHANCEDSTATUSCODES: true,
    disableReverseLookup: true,
    allowInsecureAuth: true,
    authOptional: kind === 'smtp',
    authMethods: ['PLAIN', 'LOGIN'],
    authRequiredMessage: '5.7.57 sign in first',
    disabledCommands: kind === 'smtp' ? ['AUTH', 'STARTTLS'] : ['STARTTLS'],
    maxClients: limits.connectionsMax,
    maxRecipients: limits.recipientsMax,
    socketTimeout: Math.min(60_000, limits.smtpSessionTimeoutMs),
    onAuth(auth, session, callback) {
      const { username = '', password } = auth;
      if (!knowsPassword(host, username, password ?? '')) {
        callback(new SmtpRefusal(535, '5.7.8 wrong user name or password'));
        return;
      }
      signedIn.get(session.id)?.();
      callback(null, { user: username });
    },
    onRcptTo({ address }, _session, callback) {
      const found = findMailbox(host, address);
      if (!found) callback(new SmtpRefusal(550, `5.1.1 no mailbox ${address} here`));
      else if (found.mailbox.roomFor(0) !== 'room')
        callback(new SmtpRefusal(452, `4.2.2 mailbox of ${address} is full`));
      else callback();
    },
    onData(stream, session, callback) {
      receive(options, stream, session).then(
        (text) => callback(null, text),
        (error: unknown) => callback(error instanceof SmtpRefusal ? error : faultOf(error, options.onFault)),
      );
    },
  });
  // a broken connection concerns only its client
  smtp.on('error', () => undefined);
  return createServer((socket) => {
    const id = randomUUID();
    const cut = (): void => void socket.destroy();
    let deadline = setTimeout(cut, kind === 'smtp' ? limits.smtpSessionTimeoutMs : limits.preLoginTimeoutMs);
    signedIn.set(id, () => {
      clearTimeout(deadline);
      deadline = setTimeout(cut, limits.smtpSessionTimeoutMs);
    });
    socket.once('close', () => {
      clearTimeout(deadline);
      signedIn.delete(id);
    });
    smtp.connect(socket, { id });
  });
}

async function receive(
  { host, limits, transfer }: SmtpDoorOptions,
  stream: SMTPServerDataStream,
  session: SMTPServerSession,
): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > limits.messageBytesMax) chunks.length = 0;
    else chunks.push(chunk);
  }
  if (bytes > limits.messageBytesMax) throw new SmtpRefusal(552, '5.3.4 message is too large');
  const { mailFrom, rcptTo } = session.envelope;
  const outcome = deliver(host, {
    sender: mailFrom ? mailFrom.address : '',
    recipients: rcptTo.map(({ address }) => address),
    raw: Buffer.concat(chunks),
    helo: session.hostNameAppearsAs,
    clientAddress: session.remoteAddress,
    protocol: session.transmissionType,
  });
  if (outcome.kind !== 'delivered') throw refusalOf(outcome);
  for (const { address, database } of outcome.mailboxes) if (!host.isActive(database)) transfer(address);
  return `2.6.0 ${outcome.messageId} Queued mail for delivery on ${host.name}`;
}

function refusalOf(outcome: Exclude<DeliveryOutcome, { kind: 'delivered' }>): SmtpRefusal {
  switch (outcome.kind) {
    case 'unknown-recipient':
      return new SmtpRefusal(550, `5.1.1 no mailbox ${outcome.recipient} here`);
    case 'message-too-large':
      return new SmtpRefusal(552, '5.3.4 message is too large');
    case 'mailbox-full':
      return new SmtpRefusal(452, `4.2.2 mailbox of ${outcome.recipient} is full`);
  }
}

/** A reply for the client; its message begins with the enhanced code. */
class SmtpRefusal extends Error {
  readonly responseCode: number;

  constructor(responseCode: number, message: string) {
    super(message);
    this.responseCode = responseCode;
  }
}

function faultOf(error: unknown, onFault: Fault): SmtpRefusal {
  onFault(error);
  return new SmtpRefusal(451, '4.3.0 fault on this server');
}
