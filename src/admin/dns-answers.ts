import { isAddress } from '../topology/ranges.js';
import type { DnsAnswer } from '../topology/resolver.js';
import { badFlag } from './test-routing.js';

/** The answers of `--dns` flags by name: `NAME=ADDRESS[,ADDRESS]`, `NAME=nxdomain`, `NAME=timeout`. */
export function readDnsAnswers(texts: readonly string[]): Map<string, DnsAnswer> {
  return new Map(texts.map(readDnsAnswer));
}

function readDnsAnswer(text: string): [string, DnsAnswer] {
  const equals = text.indexOf('=');
  const value = text.slice(equals + 1);
  const expected = 'NAME=ADDRESS, NAME=nxdomain or NAME=timeout';
  if (equals < 1) throw badFlag('dns', text, expected);
  const name = text.slice(0, equals).toLowerCase().replace(/\.$/, '');
  if (value === 'nxdomain' || value === 'timeout') return [name, { kind: value }];
  const addresses = value.split(',');
  if (!addresses.every(isAddress)) throw badFlag('dns', text, expected);
  return [name, { kind: 'addresses', addresses }];
}
