import { afterEach } from 'vitest';
import type { EstateObject } from '../../../src/topology/catalogue/catalogue.js';
import { startTwoServers, type TwoServers } from '../../demo/servers/two-servers.js';
import { until } from '../../support/until.js';
import { directoryOf, type EstateOptions } from './estate.js';
import { connectClient, type MailClient } from './mail-client.js';
import { openTestDoor, type TestDoor, type TestDoorOptions } from './open-test-door.js';
import { type Script, type ScriptedServer, startScriptedServer } from './scripted-server.js';

/** The people of the estates. */
export const directory = directoryOf({ 'ann@contoso.com': 'DB1', 'bob@contoso.com': 'DB2' });

export const popDoor = { protocol: 'pop', plaintextLogin: true };

export const logins = {
  imap: (user: string, password: string) => `a LOGIN ${user} "${password}"\r\n`,
  pop: (user: string, password: string) => `USER ${user}\r\nPASS ${password}\r\n`,
};

export interface MailStage {
  readonly openDoor: (options: Omit<TestDoorOptions, 'certificate'>) => Promise<TestDoor>;
  readonly connected: (door: TestDoor, tls?: 'plain' | 'implicit', alpn?: string) => Promise<MailClient>;
  readonly twoServers: () => Promise<TwoServers>;
  readonly scripted: (script: Script) => Promise<ScriptedServer>;
}

const openSockets = (): number => process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length;

/** Doors, clients and servers that are closed after each test, which must have left no socket. To be called at the top. */
export function mailStage(certificate: () => { key: string; cert: string }): MailStage {
  const cleanups: (() => unknown)[] = [];
  afterEach(async () => {
    for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
    await until('no socket to be left open', () => openSockets() === 0);
  });
  return {
    async openDoor(options) {
      const door = await openTestDoor({ certificate: certificate(), ...options });
      cleanups.push(() => door.close());
      return door;
    },
    async connected(door, tls = 'plain', alpn) {
      const client = await connectClient(door.port, tls, alpn);
      cleanups.push(() => client.socket.destroy());
      return client;
    },
    async twoServers() {
      const servers = await startTwoServers();
      cleanups.push(() => servers.stop());
      return servers;
    },
    async scripted(script) {
      const server = await startScriptedServer(script);
      cleanups.push(() => server.close());
      return server;
    },
  };
}

export const plainEndpoints = (ports: { imap: number; pop: number }): EstateObject => ({
  endpoints: { imap: { port: ports.imap, tls: 'none' }, pop: { port: ports.pop, tls: 'none' } },
});

/** The estate in front of the two demo servers. */
export function demoEstate(servers: TwoServers, options: Partial<EstateOptions> = {}): EstateOptions {
  return {
    servers: [
      { name: 'MBX1', ...plainEndpoints(servers.mbx1.ports) },
      { name: 'MBX2', ...plainEndpoints(servers.mbx2.ports) },
    ],
    databases: { DB1: 'MBX1', DB2: 'MBX2' },
    directory,
    listener: { plaintextLogin: true },
    ...options,
  };
}

/** The estate in front of one server, with the endpoint given. */
export function oneServer(endpoint: EstateObject, options: Partial<EstateOptions> = {}): EstateOptions {
  return {
    servers: [{ name: 'MBX1', endpoints: { imap: { tls: 'none', ...endpoint }, pop: { tls: 'none', ...endpoint } } }],
    databases: { DB1: 'MBX1' },
    directory,
    listener: { plaintextLogin: true },
    ...options,
  };
}
