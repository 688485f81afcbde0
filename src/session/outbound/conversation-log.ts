import { randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';
import type { ProtocolLog, ProtocolSession } from '../../observability/protocol-log.js';
import type { ServerTrace } from '../../protocols/smtp/server-trace.js';
import type { SendConnector } from '../../topology/catalogue/catalogue.js';
import { tlsOf } from '../smtp/server-tls.js';
import type { OutboundHost } from './outbound-host.js';

/** The record of one connection to a host, from before it is made until it has ended. */
export interface ConversationLog {
  readonly trace: ServerTrace;
  readonly onSocket: (socket: Socket) => void;
  remark(text: string): void;
}

/** Null where the connector keeps no protocol log. */
export function openConversationLog(
  log: Pick<ProtocolLog, 'session'>,
  { name, protocolLog }: SendConnector,
  { address, port }: OutboundHost,
): ConversationLog | null {
  if (!protocolLog) return null;
  const open = (local: string): ProtocolSession =>
    log.session({
      connector: name,
      sessionId: randomBytes(12).toString('hex'),
      local,
      remote: endpointWords(address, port),
    });
  let session: ProtocolSession | null = null;
  const begun = (local = ''): ProtocolSession => (session ??= open(local));
  return {
    trace: (direction, text) => begun().record(direction, text),
    onSocket(socket) {
      if (session === null) {
        begun(endpointWords(socket.localAddress ?? '', socket.localPort ?? 0)).record('+', '');
        socket.once('close', () => begun().record('-', ''));
      }
      const tls = tlsOf(socket);
      if (tls !== null) begun().record('*', `${tls.version} ${tls.cipher}`, tls.peer?.subject.replaceAll('\n', ', '));
    },
    remark: (text) => begun().record('*', '', text),
  };
}

const endpointWords = (address: string, port: number): string =>
  address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
