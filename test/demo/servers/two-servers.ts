import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

import { ImapFlow } from 'imapflow';
import { createTransport } from 'nodemailer';

import { createMailStore, type MailStore, type MailStoreLimits } from '../../../src/demo/servers/mail-store.js';
import { type MailboxServer, startMailboxServer } from '../../../src/demo/servers/mailbox-server.js';
import type { ServerLimits } from '../../../src/demo/servers/server-limits.js';
import type { Account } from '../../../src/demo/servers/sign-in.js';

/** Two servers that both hold DB1 (active on MBX1 at first) and DB2 (active on MBX2). */
export interface TwoServers {
  readonly mbx1: MailboxServer;
  readonly mbx2: MailboxServer;
  readonly store: MailStore;
  readonly accounts: Map<string, Account>;
  readonly active: Map<string, string>;
  readonly transferred: string[];
  /** Rejects when the servers had faults. */
  stop(): Promise<void>;
}

export interface TwoServersOptions {
  readonly limits?: Partial<ServerLimits>;
  readonly storeLimits?: MailStoreLimits;
}

export async function startTwoServers(options: TwoServersOptions = {}): Promise<TwoServers> {
  const store = createMailStore(options.storeLimits);
  const accounts = new Map<string, Account>([
    ['ann@contoso.com', { password: 'secret-1', database: 'DB1' }],
    ['annie@contoso.com', { password: 'secret-1', database: 'DB1', address: 'ann@contoso.com' }],
    ['bob@contoso.com', { password: 'secret "2"', database: 'DB2' }],
  ]);
  const active = new Map([
    ['DB1', 'MBX1'],
    ['DB2', 'MBX2'],
  ]);
  const transferred: string[] = [];
  const faults: unknown[] = [];
  const start = (name: string): Promise<MailboxServer> =>
    startMailboxServer({
      name,
      host: '127.0.0.1',
      store,
      accounts: (address) => accounts.get(address),
      isActive: (database) => active.get(database) === name,
      relay: { transfer: (recipient) => transferred.push(`${recipient} by ${name}`) },
      limits: options.limits ?? {},
      onFault: (error) => faults.push(error),
    });
  const mbx1 = await start('MBX1');
  const mbx2 = await start('MBX2');
  const stop = async (): Promise<void> => {
    await Promise.all([mbx1.stop(), mbx2.stop()]);
    if (faults.length > 0) throw new AggregateError(faults, 'the servers had faults');
  };
  return { mbx1, mbx2, store, accounts, active, transferred, stop };
}

/** An imapflow client of a server, not yet connected. */
export function imapClient(server: MailboxServer, user: string, pass: string): ImapFlow {
  return new ImapFlow({
    host: '127.0.0.1',
    port: server.ports.imap,
    secure: false,
    doSTARTTLS: false,
    auth: { user, pass },
    logger: false,
    disableAutoIdle: true,
  });
}

/** Sends one mail and returns the last reply. */
export async function sendMail(port: number, to: string | string[], subject: string, text = 'Hello.'): Promise<string> {
  const transport = createTransport({ host: '127.0.0.1', port, secure: false, ignoreTLS: true });
  const sent = await transport.sendMail({ from: 'Eve <eve@fabrikam.com>', to, subject, text });
  transport.close();
  return sent.response;
}

/** A line of a raw client that waits for what it expects. */
export interface RawClient {
  readonly socket: Socket;
  /** All that was received so far. */
  received(): string;
  send(text: string | Buffer): void;
  /** Resolves with all received text once it matches; rejects after 5 s or when the connection ends without it. */
  until(pattern: RegExp): Promise<string>;
  /** Resolves with all received text when the server has closed. */
  closed(): Promise<string>;
}

export async function rawClient(port: number): Promise<RawClient> {
  const socket = connect(port, '127.0.0.1');
  let text = '';
  socket.on('data', (chunk: Buffer) => {
    text += chunk.toString('latin1');
  });
  const closed = new Promise<string>((resolve) => socket.once('close', () => resolve(text)));
  socket.on('error', (error) => {
    text += `[${error.message}]`;
  });
  await once(socket, 'connect');
  return {
    socket,
    received: () => text,
    send: (data) => void socket.write(data),
    async until(pattern) {
      const end = Date.now() + 5000;
      while (!pattern.test(text)) {
        if (Date.now() > end || socket.destroyed) throw new Error(`${String(pattern)} not in ${JSON.stringify(text)}`);
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      return text;
    },
    closed: () => closed,
  };
}
