import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** A message as a server stored it; lines end in LF. */
export interface StoredMessage {
  readonly file: string;
  /** Header and body as stored. */
  readonly text: string;
  /** The header, folded lines as stored. */
  readonly header: string;
  readonly body: string;
}

/** Splits a stored message at its first empty line. */
export function storedMessage(file: string, bytes: Buffer): StoredMessage {
  const text = bytes.toString('latin1').replaceAll('\r\n', '\n');
  const end = text.indexOf('\n\n');
  const header = end < 0 ? text : text.slice(0, end + 1);
  return { file, text, header, body: end < 0 ? '' : text.slice(end + 2) };
}

/** The values of a header field in order, unfolded, names compared without regard to case. */
export function headerValues(message: Pick<StoredMessage, 'header'>, name: string): string[] {
  const unfolded = message.header.replaceAll(/\n[ \t]+/g, ' ');
  const prefix = `${name.toLowerCase()}:`;
  return unfolded.split('\n').flatMap((line) => {
    return line.toLowerCase().startsWith(prefix) ? [line.slice(prefix.length).trim()] : [];
  });
}

/** What a Maildir holds, new and seen, oldest first; empty where there is no such Maildir. */
export function readMaildir(path: string): StoredMessage[] {
  return ['cur', 'new']
    .flatMap((folder) => fileNames(join(path, folder)).map((file) => ({ file, path: join(path, folder, file) })))
    .sort((a, b) => a.file.localeCompare(b.file, 'en', { numeric: true }))
    .map(({ file, path }) => storedMessage(file, readFileSync(path)));
}

function fileNames(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}
