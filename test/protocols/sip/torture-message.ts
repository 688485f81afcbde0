import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const folder = join(import.meta.dirname, 'torture');

/** The names of the messages of RFC 4475 that are in the folder. */
export function tortureNames(): string[] {
  return readdirSync(folder).map((name) => name.replace(/\.txt$/, ''));
}

/** A message of RFC 4475 octet by octet, written down in the notation of its §2. */
export function tortureMessage(name: string): Buffer {
  const text = readFileSync(join(folder, `${name}.txt`), 'latin1')
    .replaceAll('\n', '\r\n')
    .replace(/<repeat count=(\d+)>(.*?)<\/repeat>/g, (_, count: string, word: string) => word.repeat(Number(count)))
    .replace(/<hex>([0-9A-F]+)<\/hex>/g, (_, octets: string) => Buffer.from(octets, 'hex').toString('latin1'));
  return Buffer.from(text, 'latin1');
}
