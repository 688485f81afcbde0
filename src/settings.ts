import { createHash } from 'node:crypto';
import { existsSync, realpathSync } from 'node:fs';
import { homedir, tmpdir, userInfo } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';

type Environment = Readonly<Record<string, string | undefined>>;

const isRoot = (): boolean => process.getuid?.() === 0;

/** Where the topology store is: the flag, `USHER_STORE`, or the place of this user. Absolute. */
export function storePath(flag: string | undefined, environment: Environment = process.env): string {
  const named = flag ?? environment['USHER_STORE'];
  if (named) return resolve(named);
  if (isRoot()) return '/var/lib/usher/usher.db';
  return join(environment['XDG_STATE_HOME'] ?? join(homedir(), '.local', 'state'), 'usher', 'usher.db');
}

/** The folder beside a store for what a runtime keeps: its log and self-signed certificates. */
export function stateFolder(store: string): string {
  return `${store.replace(/\.db$/, '')}.state`;
}

/** The folder of message tracking that the runtimes of a store write. */
export function trackingFolder(store: string): string {
  return join(stateFolder(store), 'log', 'tracking');
}

/** The folder of the HTTP log that the runtimes of a store write. */
export function httpLogFolder(store: string): string {
  return join(stateFolder(store), 'log', 'http');
}

/** The folder of the call log that the runtimes of a store write. */
export function callLogFolder(store: string): string {
  return join(stateFolder(store), 'log', 'calls');
}

/** The folder of control sockets. */
export function socketFolder(environment: Environment = process.env): string {
  if (environment['XDG_RUNTIME_DIR']) return join(environment['XDG_RUNTIME_DIR'], 'usher');
  if (isRoot() && existsSync('/run')) return '/run/usher';
  return join(tmpdir(), `usher-${userInfo().uid}`);
}

const digest = (text: string, length: number): string =>
  createHash('sha256').update(text).digest('hex').slice(0, length);

/** The store by the name that everybody reaches it by, also when it does not exist yet. */
function realPath(store: string): string {
  if (existsSync(store)) return realpathSync(store);
  const folder = dirname(store);
  return existsSync(folder) ? join(realpathSync(folder), basename(store)) : store;
}

/** What the names of all control sockets of a store begin with. */
export function socketPrefix(store: string): string {
  return `${digest(realPath(store), 16)}-`;
}

/** The control socket of the runtime of a front end; short, because socket paths end at 108 bytes. */
export function socketPath(store: string, frontEnd: string, environment: Environment = process.env): string {
  const override = environment['USHER_SOCKET'];
  if (override) return resolve(override);
  return join(socketFolder(environment), `${socketPrefix(store)}${digest(frontEnd.toLowerCase(), 8)}.sock`);
}

/** Who makes a change: the login name, with the one behind sudo. Kept in the history; not proof of anything. */
export function actorName(environment: Environment = process.env): string {
  const user = userInfo().username;
  const behind = environment['SUDO_USER'];
  return environment['USHER_ACTOR'] ?? (behind && behind !== user ? `${behind} (${user})` : user);
}
