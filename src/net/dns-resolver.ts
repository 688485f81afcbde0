import { Resolver } from 'node:dns/promises';
import { systemCodeOf } from '../errors.js';
import { DnsCache } from './dns-cache.js';

/** What DNS said of the IPv4 addresses of a name; what could not be found out is a timeout. */
export type DnsAddresses =
  | { readonly kind: 'addresses'; readonly addresses: readonly string[] }
  | { readonly kind: 'nxdomain' }
  | { readonly kind: 'timeout' };

export type DnsRecordType = 'A' | 'AAAA' | 'CNAME' | 'MX' | 'TXT' | 'PTR';

/** A and AAAA: text; TXT: its strings; MX: the host (`` for the root) and its preference; CNAME, PTR: the name. */
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

/** Records of a name, that it has none (or that there is no such name), or why that is not known. */
export type DnsRecords =
  | { readonly kind: 'records'; readonly records: readonly DnsRecord[] }
  | { readonly kind: 'absent'; readonly code: 'ENOTFOUND' | 'ENODATA' }
  | { readonly kind: 'failed'; readonly reason: string };

/** Looks names up, and remembers for a while what it was told. Questions for one name at one time are one question. */
export interface DnsResolver {
  /** Never rejects; at once when the answer is known. */
  addresses(name: string): DnsAddresses | Promise<DnsAddresses>;
  /** What `resolve` says, as a value. Never rejects; at once when the answer is known. */
  records(name: string, type: DnsRecordType): DnsRecords | Promise<DnsRecords>;
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

interface Answer {
  readonly outcome: DnsRecords;
  readonly ttlMs: number;
}

const ttlMaxMs = 300_000;
const absentTtlMs = 60_000;
const failedTtlMs = 10_000;
/** Node tells no TTL of CNAME, MX, TXT and PTR. */
const unknownTtlMs = 60_000;
const cachedCharactersMax = 16 * 1024 * 1024;
/** RFC 1035 §2.3.4, written out. */
const nameLengthMax = 253;
const waitingMax = 10_000;
const slackMs = 500;

const absent: DnsRecords = { kind: 'absent', code: 'ENOTFOUND' };

export function createDnsResolver(options: DnsResolverOptions = {}): DnsResolver {
  const { servers = [], timeoutMs = 2000, tries = 2, nowMs = () => performance.now(), cachedMax = 10_000 } = options;
  // c-ares waits twice this before it tries again.
  const resolver = new Resolver({ timeout: Math.ceil(timeoutMs / 2), tries });
  if (servers.length > 0) resolver.setServers(servers);
  const cache = new DnsCache<DnsRecords>({ countMax: cachedMax, sizeMax: cachedCharactersMax, nowMs });
  const waiting = new Map<string, Promise<DnsRecords>>();

  const query = (key: string, name: string, type: DnsRecordType): Promise<DnsRecords> =>
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

  const ask = (given: string, type: DnsRecordType): DnsRecords | Promise<DnsRecords> => {
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
    records: ask,
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

function addressesOf(outcome: DnsRecords): DnsAddresses {
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
    case 'CNAME':
      return answer(await resolver.resolveCname(name), unknownTtlMs);
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
function sizeOf(outcome: DnsRecords): number {
  if (outcome.kind !== 'records') return 0;
  const sizes = outcome.records.map((record) =>
    typeof record === 'string' ? record.length : 'exchange' in record ? record.exchange.length : record.join('').length,
  );
  return sizes.reduce((sum, size) => sum + size + 16, 0);
}
