import { chmodSync, chownSync, mkdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { reasonOf } from '../../../src/errors.js';
import { freePorts } from '../free-port.js';
import { run } from '../run.js';
import { removeTempDir, tempDir } from '../temp-dir.js';
import { makeCertificate, type TestCertificate } from './certificate.js';
import { isRoot, nobody } from './nobody.js';
import { answers, startChild } from './start-child.js';
import { headerValues, readMaildir, type StoredMessage } from './stored-message.js';

export interface PostfixOptions {
  /** Its host name in the greeting and in its Received fields. */
  readonly name: string;
  /** It takes mail for these domains and refuses all other recipients (554 5.7.1). */
  readonly domains: readonly string[];
  /** The only recipients it takes in its domains, others are refused (550 5.1.1); default every local part. */
  readonly recipients?: readonly string[];
  /** `available` offers STARTTLS; default `none`. */
  readonly tls?: 'none' | 'available';
  /** Further settings of main.cf, which go before the others. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Further ports, by a name for each, with their settings of main.cf. */
  readonly doors?: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

/** A message as delivered to one recipient. */
export interface DeliveredMessage extends StoredMessage {
  /** From Delivered-To. */
  readonly recipient: string;
  /** From Return-Path; empty for the null sender. */
  readonly sender: string;
}

export interface Postfix {
  readonly name: string;
  readonly pid: number;
  readonly port: number;
  /** The ports of `doors`. */
  readonly ports: Readonly<Record<string, number>>;
  /** With `tls: 'available'`: the authority that signed its certificate for localhost and 127.0.0.1. */
  readonly caFile?: string;
  /** What was delivered, a copy for each recipient, oldest first; delivery follows a moment after the 250. */
  messages(): DeliveredMessage[];
  log(): string;
  stop(): Promise<void>;
}

/**
 * Starts a Postfix of its own on 127.0.0.1 that delivers into a Maildir and never sends anything out.
 * XCLIENT is allowed from loopback.
 * @throws Error where it does not start, and where root is missing
 */
export async function startPostfix(options: PostfixOptions): Promise<Postfix> {
  if (!isRoot()) throw new Error('postfix can only be started by root');
  const places = await makePlaces(tempDir('postfix'));
  const { directory, configuration, logFile } = places;
  const names = Object.keys(options.doors ?? {});
  const [port = 0, ...others] = await freePorts(1 + names.length);
  const ports: Record<string, number> = Object.fromEntries(names.map((name, index) => [name, others[index] ?? 0]));
  const certificate =
    options.tls === 'available' ? await makeCertificate(['localhost', '127.0.0.1'], { directory }) : undefined;
  writeSettled(join(configuration, 'main.cf'), mainSettings(options, places, certificate));
  writeSettled(join(configuration, 'master.cf'), services(port, options.doors ?? {}, ports));
  const log = (): string => readFileSync(logFile, 'utf8');
  try {
    const child = await startChild('master', ['-c', configuration, '-s']);
    await answers(child, `postfix ${options.name}`, port, 'expected');
    return {
      name: options.name,
      pid: child.pid,
      port,
      ports,
      ...(certificate === undefined ? {} : { caFile: certificate.caFile }),
      messages: () => readMaildir(join(places.mail, 'all')).map(deliveredMessage),
      log,
      stop: async () => {
        await child.stop();
        removeTempDir(directory);
      },
    };
  } catch (error) {
    const text = log();
    removeTempDir(directory);
    throw new Error(`${reasonOf(error)}\n${text}`, { cause: error });
  }
}

interface Places {
  readonly directory: string;
  readonly configuration: string;
  readonly queue: string;
  readonly data: string;
  readonly mail: string;
  readonly logFile: string;
}

async function makePlaces(directory: string): Promise<Places> {
  // Its daemons run as other users.
  chmodSync(directory, 0o755);
  const postfix = await userIdOf('postfix');
  const postdrop = await groupIdOf('postdrop');
  const folder = (name: string, uid: number, gid = 0, mode = 0o700): string => {
    const path = join(directory, name);
    mkdirSync(path);
    chownSync(path, uid, gid);
    chmodSync(path, mode);
    return path;
  };
  const queue = folder('queue', 0, 0, 0o755);
  for (const name of queueFolders) folder(`queue/${name}`, postfix);
  folder('queue/maildrop', postfix, postdrop, 0o1730);
  folder('queue/public', postfix, postdrop, 0o2710);
  folder('queue/pid', 0, 0, 0o755);
  const logFile = join(directory, 'log');
  writeFileSync(logFile, '');
  return {
    directory,
    configuration: folder('config', 0, 0, 0o755),
    queue,
    data: folder('data', postfix),
    mail: folder('mail', nobody.uid, nobody.gid),
    logFile,
  };
}

const queueFolders = [
  'active',
  'bounce',
  'corrupt',
  'defer',
  'deferred',
  'flush',
  'hold',
  'incoming',
  'private',
  'saved',
  'trace',
];

async function userIdOf(name: string): Promise<number> {
  return Number((await succeed('id', ['-u', name])).trim());
}

async function groupIdOf(name: string): Promise<number> {
  return Number((await succeed('getent', ['group', name])).split(':')[2]);
}

async function succeed(program: string, args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await run(program, args);
  if (code !== 0) throw new Error(`${program} ${args.join(' ')} exits ${code}: ${stderr}`);
  return stdout;
}

function mainSettings(options: PostfixOptions, places: Places, certificate: TestCertificate | undefined): string {
  const accepted = options.recipients?.map((address) => `{ ${address} = all/ }`).join(', ');
  return `
compatibility_level = 3.6
queue_directory = ${places.queue}
data_directory = ${places.data}
maillog_file = ${places.logFile}
maillog_file_prefixes = ${places.directory}
myhostname = ${options.name}
mydomain = localdomain
mydestination =
mynetworks = 127.0.0.0/8
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
disable_dns_lookups = yes
smtpd_peername_lookup = no
smtpd_relay_restrictions = reject_unauth_destination
smtpd_authorized_xclient_hosts = 127.0.0.0/8
smtpd_client_connection_count_limit = 0
smtpd_soft_error_limit = 100
default_transport = error:this server sends nothing out
relay_transport = error:this server sends nothing out
alias_maps =
alias_database =
local_recipient_maps =
biff = no
service_throttle_time = 1s
mailbox_size_limit = 0
virtual_mailbox_limit = 0
virtual_mailbox_domains = ${options.domains.join(', ')}
virtual_mailbox_base = ${places.mail}
virtual_mailbox_maps = ${accepted === undefined ? 'static:all/' : `inline:{ ${accepted} }`}
virtual_uid_maps = static:${nobody.uid}
virtual_gid_maps = static:${nobody.gid}
${certificate === undefined ? '' : tlsSettings(certificate)}
${settingLines(options.settings ?? {}).join('\n')}
`;
}

function settingLines(settings: Readonly<Record<string, string>>): string[] {
  return Object.entries(settings).map(([name, value]) => `${name} = ${value}`);
}

function tlsSettings(certificate: TestCertificate): string {
  return `
smtpd_tls_security_level = may
smtpd_tls_chain_files = ${certificate.keyFile}, ${certificate.certFile}
smtpd_tls_received_header = yes
`;
}

// Postfix waits until a configuration file was left alone for two seconds.
function writeSettled(path: string, text: string): void {
  writeFileSync(path, text);
  const past = new Date(Date.now() - 60_000);
  utimesSync(path, past, past);
}

function services(port: number, doors: PostfixOptions['doors'] & object, ports: Postfix['ports']): string {
  const further = Object.entries(doors).map(([name, settings]) => {
    const options = settingLines(settings).map((line) => `\n  -o { ${line} }`);
    return `127.0.0.1:${ports[name]} inet n - n - 200 smtpd${options.join('')}`;
  });
  const rows = [
    `127.0.0.1:${port} inet n - n - 200 smtpd`,
    ...further,
    'cleanup unix n - n - 0 cleanup',
    'qmgr unix n - n 300 1 qmgr',
    'tlsmgr unix - - n 1000? 1 tlsmgr',
    'rewrite unix - - n - - trivial-rewrite',
    'bounce unix - - n - 0 bounce',
    'defer unix - - n - 0 bounce',
    'trace unix - - n - 0 bounce',
    'proxymap unix - - n - - proxymap',
    'error unix - - n - - error',
    'retry unix - - n - - error',
    'virtual unix - n n - - virtual',
    'anvil unix - - n - 1 anvil',
    'postlog unix-dgram n - n - 1 postlogd',
  ];
  return `${rows.join('\n')}\n`;
}

function deliveredMessage(message: StoredMessage): DeliveredMessage {
  const first = (name: string): string => headerValues(message, name)[0] ?? '';
  return { ...message, recipient: first('Delivered-To'), sender: first('Return-Path').replaceAll(/^<|>$/g, '') };
}
