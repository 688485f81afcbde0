import { randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';
import { reasonOf } from '../../errors.js';
import { ProxyHeaderFailure } from '../../net/read-proxy-header.js';
import { TlsRefused, terminateTls } from '../../net/terminate-tls.js';
import { formatReply, type SmtpReply } from '../../protocols/smtp/replies.js';
import type { ReceiveConnector } from '../../topology/catalogue/catalogue.js';
import { type ClientConnection, isListed } from '../admit-connection.js';
import { admitClient } from './admit-client.js';
import { createConnectionCounts } from './connection-counts.js';
import { dialogueOptions } from './dialogue-options.js';
import { MailConversation } from './mail-conversation.js';
import { createMessageRates, type MessageRates } from './message-rates.js';
import { ownReplies } from './own-replies.js';
import { createServerPool, type ServerPool } from './server-pool.js';
import { defaultDeadlines, type TransactionDeadlines } from './server-transaction.js';
import type { ContextFor, SmtpServices } from './smtp-services.js';

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
  readonly services: SmtpServices;
  readonly nowMs: () => number;
  readonly deadlines: TransactionDeadlines;
  readonly pool: ServerPool;
  readonly rates: MessageRates;
}

const stranger = { user: null, screening: null } as const;
const handshakeTimeoutMs = 30_000;
const lingerMs = 2000;

export function createSmtpDoor(services: SmtpServices, options: SmtpDoorOptions = {}): SmtpDoor {
  const nowMs = options.nowMs ?? Date.now;
  const setting: Setting = {
    services,
    nowMs,
    deadlines: { ...defaultDeadlines, ...options.deadlines },
    pool: createServerPool(),
    rates: createMessageRates(nowMs),
  };
  const counts = createConnectionCounts();
  let stage: 'open' | 'closed' = 'open';
  const serve = async (socket: Socket): Promise<void> => {
    if (stage === 'closed') return refuse(services, socket, null, ownReplies.shuttingDown);
    const { client, connector } = await admitClient(socket, services.snapshot());
    const { clientAddress } = client;
    if (connector === undefined) return refuse(services, socket, clientAddress, ownReplies.notAvailable);
    const leave = counts.enter(connector, clientAddress);
    if (leave === null) return refuse(services, socket, clientAddress, ownReplies.tooManyConnections);
    try {
      await converse(socket, client, connector, setting);
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
      setting.pool.close();
    },
  };
}

/** A conversation at a receive connector, from the TLS handshake to the end. */
async function converse(plain: Socket, client: ClientConnection, connector: ReceiveConnector, setting: Setting) {
  const { services } = setting;
  const contextFor: ContextFor = (name) => services.secureContext(connector.certificate, name);
  const socket = connector.implicitTls
    ? await terminateTls(plain, { contextFor, timeoutMs: handshakeTimeoutMs, pending: 'handshake' })
    : plain;
  const offersTls = connector.auth.includes('tls') && !connector.implicitTls && canBeUsed(contextFor, services);
  const id = randomBytes(12).toString('hex');
  const protocol = connector.protocolLog
    ? services.protocolLog.session({
        connector: connector.name,
        sessionId: id,
        local: endpointWords(client.localAddress, client.localPort),
        remote: endpointWords(client.clientAddress, client.clientPort),
      })
    : null;
  protocol?.record('+', '');
  const conversation = new MailConversation({
    ...setting,
    id,
    connector,
    client,
    socket,
    contextFor: offersTls ? contextFor : null,
    dialogue: dialogueOptions(
      { ...services.snapshot(), ...stranger, connector, clientAddress: client.clientAddress },
      {
        tls: connector.implicitTls ? 'active' : offersTls ? 'offered' : 'absent',
        isTrusted: connector.xclientPeers.length > 0 && isListed(client.clientAddress, connector.xclientPeers),
        trace: protocol === null ? undefined : (direction, text) => protocol.record(direction, text),
      },
    ),
  });
  conversation.begin();
  await conversation.ended;
  protocol?.record('-', '');
}

/** Whether there is a certificate to show; without one mail goes on in the clear. */
function canBeUsed(contextFor: ContextFor, { log }: SmtpServices): boolean {
  try {
    contextFor(null);
    return true;
  } catch (error) {
    log.error({ error: reasonOf(error) }, 'STARTTLS is not offered: no certificate can be used');
    return false;
  }
}

const endpointWords = (address: string, port: number): string =>
  address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;

/** The last word on a connection: it is read to its end, for a short time, so that the word arrives. */
function refuse({ log }: SmtpServices, socket: Socket, clientAddress: string | null, reply: SmtpReply): void {
  const words = formatReply(reply);
  log.info({ client: clientAddress ?? socket.remoteAddress ?? null, reply: words.trimEnd() }, 'connection refused');
  const timer = setTimeout(() => socket.destroy(), lingerMs);
  timer.unref();
  socket.once('close', () => clearTimeout(timer)).once('end', () => socket.destroy());
  socket.end(words);
  socket.resume();
}
