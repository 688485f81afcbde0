import { chmodSync, chownSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { reasonOf } from '../../../src/errors.js';
import { freePorts } from '../free-port.js';
import { run } from '../run.js';
import { removeTempDir, tempDir } from '../temp-dir.js';
import { until } from '../until.js';
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
  /** Those who may open the mailbox of any user: an authorization identity beside their own name and password. */
  readonly masters?: readonly DovecotUser[];
  /** Offers XOAUTH2 and OAUTHBEARER: tokens are JWTs with HS256 under this key, whose claim `sub` is the user. */
  readonly tokenKey?: Buffer;
}

/** A login name without colon, and its password in the clear. */
export interface DovecotUser {
  readonly user: string;
  readonly password: string;
}

/** A successful login as Dovecot logged it, to the second. */
export interface DovecotLogin {
  readonly at: Date;
  readonly protocol: 'imap' | 'pop3';
  readonly user: string;
  /** The SASL mechanism, in the log's words. */
  readonly method: string;
  /** The client's address; that of an IMAP ID, POP XCLIENT or PROXY header where one was given. */
  readonly remoteAddress: string;
  /** The address it came to, by the same words. */
  readonly localAddress: string;
  readonly session: string;
  readonly tls: boolean;
}

export interface Dovecot {
  readonly name: string;
  readonly pid: number;
  readonly imapPort: number;
  readonly popPort: number;
  /** The same, where every connection must begin with a PROXY header. */
  readonly imapProxyPort: number;
  readonly popProxyPort: number;
  /** With `tls: 'available'`: ports with TLS from the first byte. */
  readonly imapsPort?: number;
  readonly popsPort?: number;
  /** Where other servers on this machine may ask whether a password is right: Dovecot's SASL. */
  readonly authSocket: string;
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
  readonly imapProxy: number;
  readonly popProxy: number;
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
  const [imap = 0, pop = 0, imapProxy = 0, popProxy = 0] = await freePorts(4);
  const [imaps = 0, pops = 0] = certificate === undefined ? [] : await freePorts(2);
  const ports: Ports = { imap, pop, imapProxy, popProxy, imaps, pops };
  const configFile = join(directory, 'dovecot.conf');
  const logFile = join(directory, 'log');
  writeFileSync(configFile, await configuration(directory, options, ports, certificate));
  writeFileSync(join(directory, 'users'), passwordFile(options.users));
  writeFileSync(join(directory, 'masters'), passwordFile(options.masters ?? []));
  if (options.tokenKey !== undefined) writeTokenSettings(directory, options.tokenKey);
  for (const { user } of options.users) makeInbox(directory, user, options.name);
  const child = await startChild('dovecot', ['-F', '-c', configFile]);
  const log = (): string => readFileSync(logFile, { encoding: 'utf8', flag: 'a+' });
  try {
    for (const port of [imap, pop]) await answers(child, `dovecot ${options.name}`, port, 'expected');
    await until('Dovecot tells its SASL mechanisms', () => tellsMechanisms(authSocketIn(directory)), 20_000);
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
    imapProxyPort: imapProxy,
    popProxyPort: popProxy,
    authSocket: authSocketIn(directory),
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

/** Whether the first words of Dovecot's SASL are whole: who asks before fails for good. */
function tellsMechanisms(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    let said = '';
    const socket = connect(path);
    const settle = (): void => {
      socket.destroy();
      resolve(/^MECH\t.*^DONE$/ms.test(said));
    };
    const timer = setTimeout(settle, 1000);
    socket.on('data', (chunk) => {
      said += String(chunk);
      if (said.includes('DONE\n')) settle();
    });
    socket.on('error', settle).on('close', () => {
      clearTimeout(timer);
      settle();
    });
  });
}

const authSocketIn = (directory: string): string => join(directory, 'sasl');

async function configuration(
  directory: string,
  { name, tokenKey }: DovecotOptions,
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
haproxy_trusted_networks = 127.0.0.0/8
disable_plaintext_auth = no
auth_mechanisms = plain login ${tokenKey === undefined ? '' : 'xoauth2 oauthbearer'}
auth_failure_delay = 0
auth_username_chars = abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ01234567890.-_@/
mail_location = maildir:~/Maildir
mail_max_userip_connections = 1000
passdb {
  driver = passwd-file
  master = yes
  mechanisms = plain login
  args = username_format=%u ${directory}/masters
}
passdb {
  driver = passwd-file
  mechanisms = plain login
  args = username_format=%u ${directory}/users
}
${tokenKey === undefined ? '' : tokenPassdb(directory)}
userdb {
  driver = static
  args = uid=${owner.uid} gid=${owner.gid} home=${directory}/mail/%u
}
service imap-login {
  ${chroot}
  inet_listener imap {
    port = ${ports.imap}
  }
  inet_listener imap_proxy {
    port = ${ports.imapProxy}
    haproxy = yes
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
  inet_listener pop3_proxy {
    port = ${ports.popProxy}
    haproxy = yes
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
service auth {
  unix_listener ${authSocketIn(directory)} {
    mode = 0666
  }
}
service stats {
  ${chroot}
}
ssl = ${certificate === undefined ? 'no' : 'yes'}
${certificate === undefined ? '' : `ssl_cert = <${certificate.certFile}\nssl_key = <${certificate.keyFile}`}
${isRoot() ? '' : await ownUser()}`;
}

const tokenPassdb = (directory: string): string => `
passdb {
  driver = oauth2
  mechanisms = xoauth2 oauthbearer
  args = ${directory}/oauth2.conf
}
`;

function writeTokenSettings(directory: string, key: Buffer): void {
  const keys = join(directory, 'keys', 'default', 'HS256');
  mkdirSync(keys, { recursive: true });
  writeFileSync(join(keys, 'default'), key.toString('base64'));
  const settings = [
    'introspection_mode = local',
    `local_validation_key_dict = fs:posix:prefix=${directory}/keys/`,
    'username_attribute = sub',
  ];
  writeFileSync(join(directory, 'oauth2.conf'), `${settings.join('\n')}\n`);
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
  const login =
    /^(\S+) (imap|pop3)-login: Info: Login: user=<([^>]*)>, method=(\S*), rip=([^,]+), lip=([^,]+),(.*) session=<([^>]*)>/gm;
  return [...log.matchAll(login)].map(
    ([, at, protocol, user, method, remoteAddress, localAddress, rest, session = '']) => ({
      at: new Date(at ?? ''),
      protocol: protocol === 'imap' ? 'imap' : 'pop3',
      user: user ?? '',
      method: method ?? '',
      remoteAddress: remoteAddress ?? '',
      localAddress: localAddress ?? '',
      session,
      tls: / TLS(,|$)/.test(rest ?? ''),
    }),
  );
}
