import { chmodSync, chownSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { reasonOf } from '../../../src/errors.js';
import { freePort } from '../free-port.js';
import { run } from '../run.js';
import { removeTempDir, tempDir } from '../temp-dir.js';
import { makeCertificate, type TestCertificate } from './certificate.js';
import { isRoot, nobody } from './nobody.js';
import { answers, startChild } from './start-child.js';
import { readMaildir, type StoredMessage } from './stored-message.js';

export interface DovecotOptions {
  /** Stands in the greeting and as subject of the one message in every INBOX. */
  readonly name: string;
  readonly users: readonly DovecotUser[];
  /** `available` offers STARTTLS and STLS and opens the two ports with TLS from the first byte; default `none`. */
  readonly tls?: 'none' | 'available';
}

/** A login name without colon or slash, and its password in the clear. */
export interface DovecotUser {
  readonly user: string;
  readonly password: string;
}

/** A successful login as Dovecot logged it, to the second. */
export interface DovecotLogin {
  readonly at: Date;
  readonly protocol: 'imap' | 'pop3';
  readonly user: string;
  /** The client's address; that of an IMAP ID or POP XCLIENT where one was given. */
  readonly remoteAddress: string;
  readonly tls: boolean;
}

export interface Dovecot {
  readonly name: string;
  readonly pid: number;
  readonly imapPort: number;
  readonly popPort: number;
  /** With `tls: 'available'`: ports with TLS from the first byte. */
  readonly imapsPort?: number;
  readonly popsPort?: number;
  /** The certificate for localhost and 127.0.0.1, and the authority that signed it. */
  readonly certFile?: string;
  readonly caFile?: string;
  /** The INBOX of a user, oldest message first. */
  mailOf(user: string): StoredMessage[];
  /** Successful logins in order. */
  logins(): DovecotLogin[];
  log(): string;
  stop(): Promise<void>;
}

interface Ports {
  readonly imap: number;
  readonly pop: number;
  readonly imaps: number;
  readonly pops: number;
}

/**
 * Starts a Dovecot of its own on 127.0.0.1: IMAP and POP3, plaintext logins allowed, clients on loopback trusted.
 * @throws Error with its output where it does not start
 */
export async function startDovecot(options: DovecotOptions): Promise<Dovecot> {
  const directory = tempDir('dovecot');
  // Its login processes run as other users.
  chmodSync(directory, 0o755);
  const certificate =
    options.tls === 'available' ? await makeCertificate(['localhost', '127.0.0.1'], { directory }) : undefined;
  const imap = await freePort();
  const pop = await freePort();
  const ports: Ports =
    certificate === undefined
      ? { imap, pop, imaps: 0, pops: 0 }
      : { imap, pop, imaps: await freePort(), pops: await freePort() };
  const configFile = join(directory, 'dovecot.conf');
  const logFile = join(directory, 'log');
  writeFileSync(configFile, await configuration(directory, options.name, ports, certificate));
  writeFileSync(join(directory, 'users'), passwordFile(options.users));
  for (const { user } of options.users) makeInbox(directory, user, options.name);
  const child = await startChild('dovecot', ['-F', '-c', configFile]);
  const log = (): string => readFileSync(logFile, { encoding: 'utf8', flag: 'a+' });
  try {
    for (const port of [imap, pop]) await answers(child, `dovecot ${options.name}`, port, 'expected');
  } catch (error) {
    const text = log();
    removeTempDir(directory);
    throw new Error(`${reasonOf(error)}\n${text}`, { cause: error });
  }
  return {
    name: options.name,
    pid: child.pid,
    imapPort: imap,
    popPort: pop,
    ...(certificate === undefined
      ? {}
      : { imapsPort: ports.imaps, popsPort: ports.pops, certFile: certificate.certFile, caFile: certificate.caFile }),
    mailOf: (user) => readMaildir(join(homeOf(directory, user), 'Maildir')),
    logins: () => loginsIn(log()),
    log,
    stop: async () => {
      await child.stop();
      removeTempDir(directory);
    },
  };
}

async function configuration(
  directory: string,
  name: string,
  ports: Ports,
  certificate: TestCertificate | undefined,
): Promise<string> {
  const owner = isRoot() ? nobody : { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
  // Without root no process may change its root directory or its user.
  const chroot = isRoot() ? '' : 'chroot =';
  return `
base_dir = ${directory}/run
state_dir = ${directory}/state
log_path = ${directory}/log
log_timestamp = "%Y-%m-%dT%H:%M:%S%z "
protocols = imap pop3
listen = 127.0.0.1
login_greeting = ${name} ready.
login_trusted_networks = 127.0.0.0/8
disable_plaintext_auth = no
auth_mechanisms = plain login
auth_failure_delay = 0
mail_location = maildir:~/Maildir
mail_max_userip_connections = 1000
passdb {
  driver = passwd-file
  args = username_format=%u ${directory}/users
}
userdb {
  driver = static
  args = uid=${owner.uid} gid=${owner.gid} home=${directory}/mail/%u
}
service imap-login {
  ${chroot}
  inet_listener imap {
    port = ${ports.imap}
  }
  inet_listener imaps {
    port = ${ports.imaps}
    ssl = yes
  }
}
service pop3-login {
  ${chroot}
  inet_listener pop3 {
    port = ${ports.pop}
  }
  inet_listener pop3s {
    port = ${ports.pops}
    ssl = yes
  }
}
service anvil {
  ${chroot}
  unix_listener anvil-auth-penalty {
    mode = 0
  }
}
service stats {
  ${chroot}
}
ssl = ${certificate === undefined ? 'no' : 'yes'}
${certificate === undefined ? '' : `ssl_cert = <${certificate.certFile}\nssl_key = <${certificate.keyFile}`}
${isRoot() ? '' : await ownUser()}`;
}

async function ownUser(): Promise<string> {
  const { username } = userInfo();
  const group = (await run('id', ['-gn'])).stdout.trim();
  return `
default_internal_user = ${username}
default_login_user = ${username}
default_internal_group = ${group}
`;
}

function passwordFile(users: readonly DovecotUser[]): string {
  // Base64 keeps colons and spaces of a password from ending it.
  return users
    .map(({ user, password }) => `${user}:{PLAIN.b64}${Buffer.from(password).toString('base64')}::::::\n`)
    .join('');
}

function makeInbox(directory: string, user: string, name: string): void {
  const maildir = join(homeOf(directory, user), 'Maildir');
  const folders = ['', 'cur', 'new', 'tmp'].map((folder) => join(maildir, folder));
  for (const folder of folders) mkdirSync(folder, { recursive: true });
  const message = join(maildir, 'new', `1000000000.M0P1.${name.replaceAll(/\W/g, '-')}`);
  writeFileSync(message, markerMessage(name, user));
  if (!isRoot()) return;
  for (const path of [homeOf(directory, user), ...folders, message]) chownSync(path, nobody.uid, nobody.gid);
}

function markerMessage(name: string, user: string): string {
  const header = [
    `From: ${name} <postmaster@localhost>`,
    `To: ${user}`,
    `Subject: ${name}`,
    'Date: Sun, 09 Sep 2001 01:46:40 +0000',
    'Message-ID: <marker@localhost>',
  ];
  return `${header.join('\n')}\n\nThis mailbox is on ${name}.\n`;
}

// Dovecot lower-cases login names before it looks for a home.
function homeOf(directory: string, user: string): string {
  return join(directory, 'mail', user.toLowerCase());
}

function loginsIn(log: string): DovecotLogin[] {
  const login = /^(\S+) (imap|pop3)-login: Info: Login: user=<([^>]*)>,.* rip=([^,]+),(.*)$/gm;
  return [...log.matchAll(login)].map(([, at, protocol, user, remoteAddress, rest]) => ({
    at: new Date(at ?? ''),
    protocol: protocol === 'imap' ? 'imap' : 'pop3',
    user: user ?? '',
    remoteAddress: remoteAddress ?? '',
    tls: / TLS(,|$)/.test(rest ?? ''),
  }));
}
