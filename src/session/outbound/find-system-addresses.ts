import { lookup } from 'node:dns/promises';
import { DnsCache } from '../../net/dns-cache.js';

/** Finds addresses of a name as other programs of this host do; rejects as `dns.lookup` does. */
export type SystemAddresses = (name: string) => Promise<readonly string[]>;

type Outcome =
  | { readonly kind: 'addresses'; readonly addresses: readonly string[] }
  | { readonly kind: 'failed'; readonly error: unknown };

const keptMs = 10_000;
const timeoutMs = 10_000;
const namesMax = 1000;

/**
 * The system's lookup, /etc/hosts included. It keeps a thread busy for each name it is asked, so an answer is kept for
 * ten seconds, and questions for one name at one time are one question.
 */
export function createSystemAddresses(): SystemAddresses {
  const cache = new DnsCache<Outcome>({ countMax: namesMax, sizeMax: 1024 ** 2, nowMs: () => performance.now() });
  const waiting = new Map<string, Promise<Outcome>>();
  const ask = async (name: string): Promise<Outcome> => {
    const outcome = await lookUp(name);
    cache.set(name, outcome, keptMs, name.length + (outcome.kind === 'addresses' ? outcome.addresses.length * 40 : 0));
    waiting.delete(name);
    return outcome;
  };
  const askOnce = (name: string): Promise<Outcome> => {
    const asked = waiting.get(name) ?? ask(name);
    waiting.set(name, asked);
    return asked;
  };
  return async (name) => {
    const outcome = cache.get(name) ?? (await askOnce(name));
    if (outcome.kind === 'failed') throw outcome.error;
    return outcome.addresses;
  };
}

async function lookUp(name: string): Promise<Outcome> {
  try {
    const answers = await inTime(lookup(name, { all: true, order: 'verbatim' }));
    return { kind: 'addresses', addresses: answers.map(({ address }) => address) };
  } catch (error) {
    return { kind: 'failed', error };
  }
}

function inTime<T>(asked: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
    asked.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
