import { accessSync, constants, existsSync, mkdirSync, mkdtempSync, rmdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

import { applyEstate } from '../admin/apply.js';
import { openStore } from '../admin/change-estate.js';
import { reasonOf, systemCodeOf, UsherError } from '../errors.js';
import { type Runtime, startRuntime } from '../runtime/start-runtime.js';
import { actorName, socketPath } from '../settings.js';
import { choosePorts } from './choose-ports.js';
import { type DemoServerName, type DoorPorts, demoEstate, demoFrontEnd, demoHost, demoServers } from './demo-estate.js';
import { type LiveMailboxes, openLiveMailboxes } from './live-mailboxes.js';
import { createMailStore } from './servers/mail-store.js';
import { type MailboxServer, type MailboxServerPorts, startMailboxServer } from './servers/mailbox-server.js';

export interface DemoOptions {
  /** The doors are this much above the usual ports, where those are free. */
  readonly portBase: number;
  readonly version: string;
}

/** A demo at work. */
export interface Demo {
  readonly storePath: string;
  readonly controlSocket: string;
  /** Whether commands find the control socket by the store; else they must be told. */
  readonly socketPlace: 'usual' | 'own-folder';
  readonly doors: DoorPorts;
  /** Lets sessions end for so long, then ends everything and removes what it made. */
  stop(timeoutMs: number): Promise<void>;
  /** Resolves when nothing is left, whoever asked for it. */
  readonly stopped: Promise<void>;
}

const startAttempts = 3;

/** Starts mailbox servers, store and front end in this process. Rejects with nothing left running or lying about. */
export async function startDemo(options: DemoOptions): Promise<Demo> {
  const folder = makeFolder();
  const removals = [(): void => rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 20 })];
  const removeAll = (): void => {
    for (let remove = removals.pop(); remove; remove = removals.pop()) remove();
  };
  // for the ends that do not pass by stop()
  process.once('exit', removeAll);
  const closers: (() => unknown)[] = [() => process.off('exit', removeAll), removeAll];
  const closeAll = async (): Promise<void> => {
    for (let close = closers.pop(); close; close = closers.pop()) await close();
  };
  try {
    const storePath = join(folder, 'usher.db');
    openStore(storePath, { purpose: 'write' }).close();
    const servers = await startServers(storePath, closers);
    const { controlSocket, socketPlace } = chooseSocket(storePath, folder, removals);
    const { runtime, doors } = await startFrontEnd({ storePath, controlSocket, servers, ...options });
    const stopped = runtime.stopped.then(closeAll);
    const stop = async (timeoutMs: number): Promise<void> => {
      await runtime.stop(timeoutMs);
      await stopped;
    };
    return { storePath, controlSocket, socketPlace, doors, stop, stopped };
  } catch (error) {
    await closeAll();
    throw error;
  }
}

function makeFolder(): string {
  try {
    return mkdtempSync(join(tmpdir(), 'usher-demo-'));
  } catch (error) {
    const message = `no folder can be made in ${tmpdir()}: ${reasonOf(error)}; name another one in TMPDIR`;
    throw new UsherError('failed', 'no-folder', message, [], { cause: error });
  }
}

type ServerPorts = ReadonlyMap<DemoServerName, MailboxServerPorts>;

async function startServers(storePath: string, closers: (() => unknown)[]): Promise<ServerPorts> {
  const store = createMailStore();
  const onFault = (error: unknown): void => process.emitWarning(reasonOf(error));
  const live: LiveMailboxes = openLiveMailboxes(storePath, store, onFault);
  closers.push(() => live.close());
  const ports = new Map<DemoServerName, MailboxServerPorts>();
  for (const { name } of demoServers) {
    const server: MailboxServer = await startMailboxServer({
      name,
      host: demoHost,
      store,
      accounts: (address) => live.account(address),
      isActive: (database) => live.isActive(name, database),
      onFault,
    });
    closers.push(() => server.stop());
    ports.set(name, server.ports);
  }
  return ports;
}

/** The usual place of the control socket, where commands look for it; the demo's folder where that cannot be used. */
function chooseSocket(
  storePath: string,
  folder: string,
  removals: (() => void)[],
): Pick<Demo, 'controlSocket' | 'socketPlace'> {
  // a socket named in the environment is that of another runtime
  const usual = socketPath(storePath, demoFrontEnd, { ...process.env, USHER_SOCKET: undefined });
  const place = dirname(usual);
  const isNew = !existsSync(place);
  try {
    mkdirSync(place, { recursive: true, mode: 0o750 });
    accessSync(place, constants.W_OK | constants.X_OK);
  } catch (error) {
    if (systemCodeOf(error) === undefined) throw error;
    return { controlSocket: join(folder, 'control.sock'), socketPlace: 'own-folder' };
  }
  if (isNew) removals.push(() => removeIfEmpty(place));
  removals.push(() => rmSync(usual, { force: true }));
  return { controlSocket: usual, socketPlace: 'usual' };
}

function removeIfEmpty(folder: string): void {
  try {
    rmdirSync(folder);
  } catch (error) {
    // another runtime has come to use it, or has removed it
    if (!['ENOTEMPTY', 'EEXIST', 'ENOENT'].includes(systemCodeOf(error) ?? '')) throw error;
  }
}

interface FrontEndParts extends DemoOptions {
  readonly storePath: string;
  readonly controlSocket: string;
  readonly servers: ServerPorts;
}

/** Writes the estate and starts its front end; anew with other ports when one was taken in between. */
async function startFrontEnd(parts: FrontEndParts): Promise<{ runtime: Runtime; doors: DoorPorts }> {
  const { storePath, controlSocket, version } = parts;
  for (let attempt = 1; ; attempt += 1) {
    const doors = await choosePorts(parts.portBase);
    writeEstate(storePath, doors, parts.servers);
    try {
      return { runtime: await startRuntime({ storePath, controlSocket, frontEnd: demoFrontEnd, version }), doors };
    } catch (error) {
      const isDoor = error instanceof UsherError && error.code === 'door-not-open';
      if (!isDoor || attempt === startAttempts) throw error;
    }
  }
}

function writeEstate(storePath: string, doors: DoorPorts, servers: ServerPorts): void {
  const store = openStore(storePath, { purpose: 'write' });
  try {
    const request = { text: JSON.stringify(demoEstate(doors, servers)), fileName: 'demo', prune: false };
    applyEstate(store, request, { actor: actorName(), command: 'usher demo', message: 'the demo estate' }, {});
  } finally {
    store.close();
  }
}
