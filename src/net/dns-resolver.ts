import { Resolver } from 'node:dns/promises';
import { systemCodeOf } from '../errors.js';
import { DnsCache } from './dns-cache.js';

/** What DNS said of the IPv4 addresses of a name; what could not be found out is a timeout. */
export type DnsAddresses =
  | { readonly kind: 'addresses'; readonly addresses: readonly string[] }
  | { readonly kind: 'nxdomain' }
  | { readonly kind: 'timeout' };

export type DnsRecordType = 'A' | 'AAAA' | 'MX' | 'TXT' | 'PTR';

/** A and AAAA: text; TXT: its strings; MX: the host and its preference; PTR: the name. */
export type DnsRecord = string | readonly string[] | { readonly exchange: string; readonly priority: number };

/** A name without such records (ENOTFOUND, ENODATA), or an answer that could not be had (ETIMEOUT). */
export class DnsFailure extends Error {
  override readonly name = 'DnsFailure';
  readonly code: 'ENOTFOUND' | 'ENODATA' | 'ETIMEOUT';

  constructor(code: DnsFailure['code'], name: string, type: DnsRecordType, reason: string) {
    super(`${type} ${name}: ${reason}`);
    this.code = code;
  }
}

/** Looks names up, and remembers for a while what it was told. Questions for one name at one time are one question. */
export interface DnsResolver {
  /** Never rejects; at once when the answer is known. */
  addresses(name: string): DnsAddresses | Promise<DnsAddresses>;
  /** Rejects with a DnsFailure when there are no records. The list is the caller's own. */
  resolve(name: string, type: DnsRecordType): Promise<DnsRecord[]>;
}

export interface DnsResolverOptions {
  /** `10.0.0.53`, `10.0.0.53:5353`, `[::1]:53`; none: those of the system. */
  readonly servers?: readonly string[];
  /** For one try. */
  readonly timeoutMs?: number;
  readonly tries?: number;
  readonly nowMs?: () => number;
  readonly cachedMax?: number;
}

type Outcome =
  | { readonly kind: 'records'; readonly records: readonly DnsRecord[] }
  | { readonly kind: 'absent'; readonly code: 'ENOTFOUND' | 'ENODATA' }
  | { readonly kind: 'failed'; readonly reason: string };

interface Answer {
  readonly outcome: Outcome;
  readonly ttlMs: number;
}

const ttlMaxMs = 300_000;
const absentTtlMs = 60_000;
const failedTtlMs = 10_000;
/** MX, TXT and PTR come without their TTL. */
const unknownTtlMs = 60_000;
const cachedCharactersMax = 16 * 1024 * 1024;
/** RFC 1035 §2.3.4, written out. */
const nameLengthMax = 253;
const waitingMax = 10_000;
const slackMs = 500;

const absent: Outcome = { kind: 'absent', code: 'ENOTFOUND' };

export function createDnsResolver(options: DnsResolverOptions = {}): DnsResolver {
  const { servers = [], timeoutMs = 2000, tries = 2, nowMs = () => performance.now(), cachedMax = 10_000 } = options;
  // c-ares waits twice this before it tries again.
  const resolver = new Resolver({ timeout: Math.ceil(timeoutMs / 2), tries });
  if (servers.length > 0) resolver.setServers(servers);
  const cache = new DnsCache<Outcome>({ countMax: cachedMax, sizeMax: cachedCharactersMax, nowMs });
  const waiting = new Map<string, Promise<Outcome>>();

  const query = (key: string, name: string, type: DnsRecordType): Promise<Outcome> =>
    new Promise((resolve) => {
      const keep = ({ outcome, ttlMs }: Answer): void => {
        cache.set(key, outcome, ttlMs, key.length + sizeOf(outcome));
        resolve(outcome);
      };
      // With several servers all tries together take longer than anybody waits; a late answer is kept all the same.
      const overdue: Answer = { outcome: { kind: 'failed', reason: 'no answer in time' }, ttlMs: failedTtlMs };
      const timer = setTimeout(() => keep(overdue), timeoutMs * tries + slackMs);
      lookUp(resolver, name, type)
        .catch(failureAnswer)
        .then(keep, () => keep(overdue))
        .finally(() => clearTimeout(timer));
    });

  const ask = (given: string, type: DnsRecordType): Outcome | Promise<Outcome> => {
    const name = given.toLowerCase().replace(/\.$/, '');
    if (name === '' || name.length > nameLengthMax) return absent;
    const key = `${type} ${name}`;
    const known = cache.get(key) ?? waiting.get(key);
    if (known !== undefined) return known;
    if (waiting.size >= waitingMax) return { kind: 'failed', reason: 'too many questions at a time' };
    const asked = query(key, name, type).finally(() => waiting.delete(key));
    waiting.set(key, asked);
    return asked;
  };

  return {
    addresses(name) {
      const outcome = ask(name, 'A');
      return outcome instanceof Promise ? outcome.then(addressesOf) : addressesOf(outcome);
    },
    async resolve(name, type) {
      const outcome = await ask(name, type);
      switch (outcome.kind) {
        case 'records':
          return [...outcome.records];
        case 'absent':
          throw new DnsFailure(outcome.code, name, type, 'no such records');
        case 'failed':
          throw new DnsFailure('ETIMEOUT', name, type, outcome.reason);
      }
    },
  };
}

function addressesOf(outcome: Outcome): DnsAddresses {
  switch (outcome.kind) {
    case 'records':
      return { kind: 'addresses', addresses: outcome.records.filter((record) => typeof record === 'string') };
    case 'absent':
      return { kind: 'nxdomain' };
    case 'failed':
      return { kind: 'timeout' };
  }
}

async function lookUp(resolver: Resolver, name: string, type: DnsRecordType): Promise<Answer> {
  switch (type) {
    case 'A':
      return addressAnswer(await resolver.resolve4(name, { ttl: true }));
    case 'AAAA':
      return addressAnswer(await resolver.resolve6(name, { ttl: true }));
    case 'MX':
      return answer(await resolver.resolveMx(name), unknownTtlMs);
    case 'TXT':
      return answer(await resolver.resolveTxt(name), unknownTtlMs);
    case 'PTR':
      return answer(await resolver.resolvePtr(name), unknownTtlMs);
  }
}

const answer = (records: readonly DnsRecord[], ttlMs: number): Answer => ({
  outcome: { kind: 'records', records },
  ttlMs,
});

function addressAnswer(records: ReadonlyArray<{ readonly address: string; readonly ttl: number }>): Answer {
  const ttlMs = Math.min(ttlMaxMs, ...records.map(({ ttl }) => ttl * 1000));
  return answer(
    records.map(({ address }) => address),
    ttlMs,
  );
}

function failureAnswer(error: unknown): Answer {
  const code = systemCodeOf(error) ?? 'unknown';
  if (code === 'ENODATA') return { outcome: { kind: 'absent', code }, ttlMs: absentTtlMs };
  // A name that DNS cannot hold is nobody's.
  if (code === 'ENOTFOUND' || code === 'EBADNAME') return { outcome: absent, ttlMs: absentTtlMs };
  return { outcome: { kind: 'failed', reason: code }, ttlMs: failedTtlMs };
}

/** In characters, roughly. */
function sizeOf(outcome: Outcome): number {
  if (outcome.kind !== 'records') return 0;
  const sizes = outcome.records.map((record) =>
    typeof record === 'string' ? record.length : 'exchange' in record ? record.exchange.length : record.join('').length,
  );
  return sizes.reduce((sum, size) => sum + size + 16, 0);
}
