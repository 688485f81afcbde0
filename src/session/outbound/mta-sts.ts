import type { DnsResolver } from '../../net/dns-resolver.js';
import type { Logger } from '../../observability/log.js';
import { domainKey } from '../../topology/mail-address.js';
import { fetchStsText } from './mta-sts-fetch.js';
import { StsMemory } from './mta-sts-memory.js';
import { readStsPolicy } from './mta-sts-policy.js';
import { stsRecord } from './mta-sts-record.js';

/** What a domain demands of who sends it mail by MX: RFC 8461. */
export interface StsPolicy {
  readonly mode: 'enforce' | 'testing';
  /** As DNS announced it when the policy was fetched. */
  readonly id: string;
  /** Whether a mail exchanger is listed. */
  fits(exchanger: string): boolean;
}

/** Finds the policies of domains and remembers them. Questions for one domain at one time are one question. */
export interface MtaSts {
  /** Never rejects; null: no policy is in force (none, mode none, cannot be had and none known). */
  policyOf(domain: string, dns: DnsResolver): Promise<StsPolicy | null>;
}

export interface MtaStsOptions {
  readonly nowMs: () => number;
  /** PEM file of the certificates to trust; null, the default: the system's roots. */
  readonly ca?: string | null;
  /** Of the policy hosts; default 443. */
  readonly port?: number;
  /** Whether a policy host may be in a private network; default false. */
  readonly allowPrivateAddresses?: boolean;
  /** For fetching one policy, with all that belongs to it; default 10 s. */
  readonly timeoutMs?: number;
  readonly log: Pick<Logger, 'info' | 'warn' | 'error'>;
}

/** RFC 8461 §3.3: how long one who failed waits; and how long an id is taken for the newest. */
const recheckMs = 300_000;
const unansweredMs = 60_000;
const crowdedMs = 10_000;
const fetchesMax = 500;
const reasonLengthMax = 300;

/**
 * One memory by domain, whichever resolver a question comes with.
 * A policy holds for its max_age, at least until the domain may be asked about again: with max_age 0 it would be
 * fetched for every message.
 */
export function createMtaSts(options: MtaStsOptions): MtaSts {
  const { nowMs, ca = null, port = 443, allowPrivateAddresses = false, timeoutMs = 10_000, log } = options;
  const memory = new StsMemory(nowMs);
  const waiting = new Map<string, Promise<void>>();
  let fetches = 0;

  const report = (level: 'info' | 'warn', domain: string, reason: string): void => {
    const fields = { domain, reason: reason.slice(0, reasonLengthMax), known: memory.idOf(domain) };
    log[level](fields, 'the MTA-STS policy of a domain could not be had');
  };

  const renew = async (domain: string, id: string, dns: DnsResolver): Promise<void> => {
    if (fetches >= fetchesMax) {
      report('warn', domain, `${fetchesMax} policies are being fetched already`);
      return memory.settle(domain, crowdedMs);
    }
    fetches += 1;
    try {
      const fetched = await fetchStsText(domain, dns, { ca, port, allowPrivateAddresses, timeoutMs });
      if (fetched.kind === 'failed') return report('info', domain, fetched.reason);
      const read = readStsPolicy(fetched.text);
      // RFC 8461 §3.3: what is known stays in force.
      if (read.kind === 'invalid') return report('info', domain, `the policy cannot be used: ${read.reason}`);
      memory.hold(domain, id, read, fetched.text.length, recheckMs);
    } finally {
      fetches -= 1;
      memory.settle(domain, recheckMs);
    }
  };

  const fault = (domain: string, error: unknown): void => {
    memory.settle(domain, recheckMs);
    log.error({ err: error, domain }, 'a fault while the MTA-STS policy of a domain was looked for');
  };

  const check = async (domain: string, dns: DnsResolver): Promise<void> => {
    const record = await stsRecord(domain, dns);
    if (record.kind === 'failed') {
      report('info', domain, record.reason);
      return memory.settle(domain, unansweredMs);
    }
    // RFC 8461 §3.1: a record that is gone takes nothing away.
    if (record.kind === 'none') return memory.settle(domain, recheckMs);
    if (record.id !== memory.idOf(domain)) return renew(domain, record.id, dns);
    memory.settle(domain, recheckMs);
    // Renewed long before its end, and nobody waits for that.
    if (memory.isAged(domain)) renew(domain, record.id, dns).catch((error: unknown) => fault(domain, error));
  };

  const joined = (domain: string, dns: DnsResolver): Promise<void> => {
    const asked = waiting.get(domain);
    if (asked !== undefined) return asked;
    const begun = check(domain, dns)
      .catch((error: unknown) => fault(domain, error))
      .finally(() => waiting.delete(domain));
    waiting.set(domain, begun);
    return begun;
  };

  return {
    async policyOf(given, dns) {
      const domain = domainKey(given);
      if (domain === undefined) return null;
      if (!memory.isSettled(domain)) await joined(domain, dns);
      return memory.policyOf(domain);
    },
  };
}
