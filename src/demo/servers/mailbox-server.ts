import { createServer, type Server } from 'node:net';

import { reasonOf } from '../../errors.js';
import { converse, type Dialogue, type Peer } from './conversation.js';
import { type Door, openDoor } from './door.js';
import { createHttpDoor } from './http-door.js';
import { serveImap } from './imap-server.js';
import type { MailStore } from './mail-store.js';
import { servePop } from './pop-server.js';
import { defaultServerLimits, type ServerLimits } from './server-limits.js';
import type { Accounts, MailboxHost } from './sign-in.js';
import { createSmtpDoor } from './smtp-door.js';

export interface MailboxServerPorts {
  readonly smtp: number;
  readonly submission: number;
  readonly imap: number;
  readonly pop: number;
  readonly http: number;
}

export interface MailboxServerOptions {
  readonly name: string;
  /** Address to listen on, `127.0.0.1`. */
  readonly host: string;
  /** Ports not given are chosen by the system. */
  readonly ports?: Partial<MailboxServerPorts>;
  readonly store: MailStore;
  readonly accounts: Accounts;
  /** Whether this server holds the active copy of a database; asked anew for every command. */
  readonly isActive: (database: string) => boolean;
  /** `transfer` hears of every mailbox active on another server that mail was delivered to here. */
  readonly relay?: { readonly transfer: (recipient: string) => void };
  readonly limits?: Partial<ServerLimits>;
  /** Hears of exceptions; by default they become process warnings. */
  readonly onFault?: (error: unknown) => void;
}

export interface MailboxServer {
  readonly name: string;
  readonly ports: MailboxServerPorts;
  /** Closes the ports and cuts every connection; the mail stays in the store. */
  stop(): Promise<void>;
}

/** Starts one mailbox server: SMTP, submission, IMAP, POP and HTTP. Throws UsherError `port-unavailable`. */
export async function startMailboxServer(options: MailboxServerOptions): Promise<MailboxServer> {
  const host: MailboxHost = options;
  const limits = { ...defaultServerLimits, ...options.limits };
  const onFault = options.onFault ?? ((error: unknown): void => process.emitWarning(reasonOf(error)));
  const transfer = (recipient: string): void => options.relay?.transfer(recipient);
  const talk = (serve: (host: MailboxHost, limits: ServerLimits, peer: Peer) => Dialogue): Server =>
    createServer({ noDelay: true }, (socket) => {
      converse(socket, limits, (peer) => serve(host, limits, peer), onFault);
    });
  const opened: Door[] = [];
  const open = async (server: Server, port = 0): Promise<number> => {
    const address = { host: options.host, port, connectionsMax: limits.connectionsMax, onFault };
    const door = await openDoor(server, address);
    opened.push(door);
    return door.port;
  };
  const stop = async (): Promise<void> => {
    await Promise.all(opened.map((door) => door.stop()));
  };
  try {
    const ports = {
      smtp: await open(createSmtpDoor({ host, limits, kind: 'smtp', transfer, onFault }), options.ports?.smtp),
      submission: await open(
        createSmtpDoor({ host, limits, kind: 'submission', transfer, onFault }),
        options.ports?.submission,
      ),
      imap: await open(talk(serveImap), options.ports?.imap),
      pop: await open(talk(servePop), options.ports?.pop),
      http: await open(createHttpDoor(host, limits, onFault), options.ports?.http),
    };
    return { name: options.name, ports, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
