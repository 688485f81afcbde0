import { chmodSync, chownSync, mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from '../free-port.js';
import { removeTempDir, tempDir } from '../temp-dir.js';
import { isRoot, nobody } from './nobody.js';
import { answers, startChild } from './start-child.js';
import { headerValues, type StoredMessage, storedMessage } from './stored-message.js';

export interface SmtpSinkOptions {
  /** Its host name in the greeting and in the answers to HELO and EHLO. */
  readonly name: string;
  /** Further flags of smtp-sink(1), such as `-r RCPT` (answer 4xx), `-f DATA` (answer 5xx) or `-w 2` (answer late). */
  readonly flags?: readonly string[];
}

/** A message with its envelope as the sink saw it. */
export interface SunkMessage extends StoredMessage {
  /** Empty for the null sender. */
  readonly mailFrom: string;
  /** What followed the sender's path: `SIZE=10 BODY=8BITMIME`. */
  readonly mailParameters: string;
  readonly recipients: readonly string[];
  readonly helo: string;
  /** SMTP or ESMTP. */
  readonly protocol: string;
}

export interface SmtpSink {
  readonly name: string;
  readonly pid: number;
  readonly port: number;
  /** What it has taken, oldest first; a transaction still going on is not among them. */
  messages(): SunkMessage[];
  stop(): Promise<void>;
}

/**
 * Starts Postfix's smtp-sink on 127.0.0.1: a server that takes every message and keeps it in a file.
 * @throws Error with its output where it does not start
 */
export async function startSmtpSink(options: SmtpSinkOptions): Promise<SmtpSink> {
  const directory = tempDir('smtp-sink');
  chmodSync(directory, 0o755);
  const dumps = join(directory, 'messages');
  mkdirSync(dumps);
  if (isRoot()) chownSync(dumps, nobody.uid, nobody.gid);
  const port = await freePort();
  const user = isRoot() ? ['-u', nobody.name] : [];
  const flags = ['-h', options.name, '-d', `${dumps}/%s.`, ...(options.flags ?? [])];
  const child = await startChild('smtp-sink', [...user, ...flags, `127.0.0.1:${port}`, '1024']);
  const stop = async (): Promise<void> => {
    await child.stop();
    removeTempDir(directory);
  };
  try {
    await answers(child, `smtp-sink ${options.name}`, port, 'expected');
  } catch (error) {
    await stop();
    throw error;
  }
  return { name: options.name, pid: child.pid, port, messages: () => readDumps(dumps), stop };
}

function readDumps(directory: string): SunkMessage[] {
  return readdirSync(directory)
    .map((file) => ({ file, bytes: readFileSync(join(directory, file)), at: changedAt(join(directory, file)) }))
    .filter(({ bytes }) => isWhole(bytes))
    .sort((a, b) => (a.at < b.at ? -1 : 1))
    .map(({ file, bytes }) => sunkMessage(file, bytes.subarray(0, -1)));
}

// The sink writes one more line end after the message's last one; an aborted transaction's file is deleted.
function isWhole(bytes: Buffer): boolean {
  return bytes.length > 1 && bytes.at(-1) === 0x0a && bytes.at(-2) === 0x0a;
}

function changedAt(path: string): bigint {
  return statSync(path, { bigint: true }).mtimeNs;
}

function sunkMessage(file: string, bytes: Buffer): SunkMessage {
  const envelope =
    /^(?:X-(?:Client-Addr|Client-Proto|Helo-Args|Mail-Args|Rcpt-Args):.*\n)*/.exec(bytes.toString('latin1'))?.[0] ?? '';
  const valuesOf = (name: string): string[] => headerValues({ header: envelope }, name);
  const [mail = ''] = valuesOf('X-Mail-Args');
  return {
    ...storedMessage(file, bytes.subarray(envelope.length)),
    mailFrom: pathIn(mail),
    mailParameters: mail.slice(mail.indexOf('>') + 1).trim(),
    recipients: valuesOf('X-Rcpt-Args').map(pathIn),
    helo: valuesOf('X-Helo-Args')[0] ?? '',
    protocol: valuesOf('X-Client-Proto')[0] ?? '',
  };
}

function pathIn(argument: string): string {
  return argument.slice(argument.indexOf('<') + 1, argument.indexOf('>'));
}
