import type { Socket } from 'node:net';
import { createSecureContext, type SecureContext } from 'node:tls';
import { openDoor } from '../../../src/net/accept.js';
import type { LogFields, Logger } from '../../../src/observability/log.js';
import { imapProtocol } from '../../../src/protocols/imap/imap-protocol.js';
import { popProtocol } from '../../../src/protocols/pop/pop-protocol.js';
import { type Availability, allUp } from '../../../src/routing/availability.js';
import type { DoorServices, Snapshot } from '../../../src/session/door-services.js';
import { doorMemoryOf } from '../../../src/session/mail-access/door-memory.js';
import { handleMailAccess, type MailAccessOptions } from '../../../src/session/mail-access/handle-mail-access.js';
import { createSessionRegistry, type SessionRegistry } from '../../../src/session/session-registry.js';
import { until } from '../../support/until.js';

export interface LogLine extends LogFields {
  readonly level: string;
  readonly message: string;
}

export interface TestDoor {
  readonly port: number;
  readonly sessions: SessionRegistry;
  readonly lines: LogLine[];
  /** How often the newest revision was asked for. */
  readonly freshCount: () => number;
  /** The first line with that message, once there is one. */
  logged(message: string): Promise<LogLine>;
  /** Closes the door; rejects unless every conversation ends by itself and leaves nothing behind. */
  close(): Promise<void>;
}

export interface TestDoorOptions {
  readonly snapshot: Snapshot;
  readonly fresh?: () => Snapshot;
  readonly availability?: Availability;
  readonly isHeld?: (mailbox: string) => boolean;
  readonly serverCapabilities?: readonly string[];
  readonly certificate?: { readonly key: string; readonly cert: string };
  readonly access?: MailAccessOptions;
}

/** A real door on a free loopback port, whose refusals come without delay. */
export async function openTestDoor(options: TestDoorOptions): Promise<TestDoor> {
  const { snapshot, certificate } = options;
  const sessions = createSessionRegistry();
  const lines: LogLine[] = [];
  let freshCount = 0;
  const write = (level: string) => (fields: LogFields, message: string) =>
    void lines.push({ ...fields, level, message });
  const log: Logger = { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') };
  const context: SecureContext | undefined = certificate && createSecureContext(certificate);
  const services: DoorServices = {
    snapshot: () => snapshot,
    isHeld: (mailbox) => options.isHeld?.(mailbox) ?? false,
    serverCapabilities: () => options.serverCapabilities ?? null,
    freshSnapshot() {
      freshCount += 1;
      return options.fresh?.() ?? snapshot;
    },
    availability: options.availability ?? allUp,
    rotate: (targets) => targets,
    sessions,
    log,
    secureContext() {
      if (context === undefined) throw new Error('no certificate');
      return context;
    },
  };
  const protocol = snapshot.topology.listeners[0]?.protocol === 'pop' ? popProtocol : imapProtocol;
  const access = options.access ?? { refusalDelayMs: () => 0 };
  const handled: Promise<void>[] = [];
  const sockets: Socket[] = [];
  const door = await openDoor({
    host: '127.0.0.1',
    port: 0,
    onConnection(socket) {
      sockets.push(socket);
      handled.push(handleMailAccess(services, 'door', protocol, socket, access));
    },
  });
  return {
    port: door.address.port,
    sessions,
    lines,
    freshCount: () => freshCount,
    logged: (message) => until(`a log line "${message}"`, () => lines.find((line) => line.message === message)),
    async close() {
      door.close();
      await Promise.all(handled);
      if (sessions.list().length > 0) throw new Error('a session is left in the registry');
      if (sockets.some((socket) => !socket.destroyed)) throw new Error('a socket is left open');
      const left = doorMemoryOf(services, Date.now).counts[protocol.name].sizes();
      if (left.all + left.sources + left.users > 0) throw new Error(`still counted: ${JSON.stringify(left)}`);
    },
  };
}
