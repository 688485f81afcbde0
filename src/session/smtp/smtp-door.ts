import { randomUUID } from 'node:crypto';
import type { Socket } from 'node:net';
import { reasonOf } from '../../errors.js';
import { ProxyHeaderFailure } from '../../net/read-proxy-header.js';
import { TlsRefused, terminateTls } from '../../net/terminate-tls.js';
import { formatReply, type SmtpReply } from '../../protocols/smtp/replies.js';
import { judgeConnection, type MailSession } from '../../routing/mail-session.js';
import type { DoorServices } from '../door-services.js';
import { admitClient } from './admit-client.js';
import { createConnectionCounts } from './connection-counts.js';
import { MailConversation } from './mail-conversation.js';
import { messageSizeLimit, replyInWire } from './mail-transaction.js';
import { ownReplies } from './own-replies.js';
import type { ContextFor } from './receiver.js';
import { defaultDeadlines, type TransactionDeadlines } from './server-transaction.js';
import { openSmtpServerReceiver } from './smtp-server-receiver.js';

/** The SMTP door of a front end, for all receive connectors. */
export interface SmtpDoor {
  /** Serves one accepted socket; resolves when the conversation is over, and never rejects. */
  handle(socket: Socket): Promise<void>;
  /** New connections are refused from now on; those that are open go on. */
  close(): void;
}

export interface SmtpDoorOptions {
  readonly nowMs?: (() => number) | undefined;
  readonly deadlines?: Partial<TransactionDeadlines> | undefined;
}

interface Setting {
  readonly services: DoorServices;
  readonly nowMs: () => number;
  readonly deadlines: TransactionDeadlines;
}

const handshakeTimeoutMs = 30_000;
const lingerMs = 2000;

export function createSmtpDoor(services: DoorServices, options: SmtpDoorOptions = {}): SmtpDoor {
  const deadlines = { ...defaultDeadlines, ...options.deadlines };
  const setting = { services, nowMs: options.nowMs ?? Date.now, deadlines };
  const counts = createConnectionCounts();
  let stage: 'open' | 'closed' = 'open';
  const serve = async (socket: Socket): Promise<void> => {
    if (stage === 'closed') return refuse(services, socket, null, ownReplies.shuttingDown);
    const snapshot = services.snapshot();
    const { client, connector } = await admitClient(socket, snapshot);
    const { clientAddress } = client;
    if (connector === undefined) return refuse(services, socket, clientAddress, ownReplies.notAvailable);
    const leave = counts.enter(connector, clientAddress);
    if (leave === null) return refuse(services, socket, clientAddress, ownReplies.tooManyConnections);
    const { topology, directory, frontEnd } = snapshot;
    try {
      await converse(
        socket,
        { topology, directory, frontEnd, connector, clientAddress, user: null, screening: null },
        setting,
      );
    } finally {
      leave();
    }
  };
  return {
    async handle(socket) {
      try {
        await serve(socket);
      } catch (error) {
        socket.destroy();
        const fields = { client: socket.remoteAddress ?? null, error: reasonOf(error) };
        const isOfClient = error instanceof ProxyHeaderFailure || error instanceof TlsRefused;
        if (isOfClient) services.log.info(fields, 'connection refused');
        else services.log.error(fields, 'fault in an SMTP conversation');
      }
    },
    close() {
      stage = 'closed';
    },
  };
}

/** A conversation at a receive connector, from the TLS handshake to the end. */
async function converse(plain: Socket, session: MailSession & { clientAddress: string }, setting: Setting) {
  const { services, nowMs, deadlines } = setting;
  const { connector, clientAddress, frontEnd } = session;
  const contextFor: ContextFor = (name) => services.secureContext(connector.certificate, name);
  const socket = connector.implicitTls
    ? await terminateTls(plain, { contextFor, timeoutMs: handshakeTimeoutMs, pending: 'handshake' })
    : plain;
  const { refusal } = judgeConnection(session);
  if (refusal !== null) return refuse(services, socket, clientAddress, replyInWire(refusal.reply));
  if (socket.destroyed) return undefined;
  const sessionId = randomUUID();
  const conversation = new MailConversation({ services, connector, clientAddress, sessionId, nowMs, deadlines });
  try {
    conversation.begin(
      openSmtpServerReceiver({
        socket,
        channel: connector.implicitTls ? 'secure' : 'plain',
        sessionId,
        clientAddress,
        name: frontEnd.host,
        banner: connector.banner,
        sizeMax: messageSizeLimit(session),
        startTls: connector.auth.includes('tls') && !connector.implicitTls ? usable(contextFor, services) : null,
        protocolErrorsMax: connector.maxProtocolErrors,
        handlers: conversation,
        onTrouble: ({ message }) =>
          services.log.debug({ session: sessionId, client: clientAddress, error: message }, 'trouble with a client'),
      }),
    );
  } catch (error) {
    conversation.gone();
    throw error;
  }
  return conversation.ended;
}

/** Null when there is no certificate to show: mail goes on without STARTTLS. */
function usable(contextFor: ContextFor, { log }: DoorServices): ContextFor | null {
  try {
    contextFor(null);
    return contextFor;
  } catch (error) {
    log.error({ error: reasonOf(error) }, 'STARTTLS is not offered: no certificate can be used');
    return null;
  }
}

/** The last word on a connection: it is read to its end, for a short time, so that the word arrives. */
function refuse({ log }: DoorServices, socket: Socket, clientAddress: string | null, reply: SmtpReply): void {
  const words = formatReply(reply);
  log.info({ client: clientAddress ?? socket.remoteAddress ?? null, reply: words.trimEnd() }, 'connection refused');
  const timer = setTimeout(() => socket.destroy(), lingerMs);
  timer.unref();
  socket.once('close', () => clearTimeout(timer)).once('end', () => socket.destroy());
  socket.end(words);
  socket.resume();
}
