import { DnsCache } from '../../net/dns-cache.js';
import type { StsPolicy } from './mta-sts.js';
import { listsExchanger, type StsFile } from './mta-sts-policy.js';

interface Held {
  readonly id: string;
  /** Null: the domain said `none`. */
  readonly policy: StsPolicy | null;
  readonly renewAtMs: number;
}

/** RFC 8461 §3.3 */
const renewMs = 86_400_000;
const domainsMax = 10_000;
const sizeMax = 32 * 1024 * 1024;
const entrySize = 100;

/** The policies that hold, and which domains need not be asked about now; bounded in count and in size. */
export class StsMemory {
  readonly #held: DnsCache<Held>;
  /** Whether something was held when the domain was last asked about. */
  readonly #settled: DnsCache<boolean>;
  readonly #nowMs: () => number;

  constructor(nowMs: () => number) {
    this.#held = new DnsCache({ countMax: domainsMax, sizeMax, nowMs });
    this.#settled = new DnsCache({ countMax: 2 * domainsMax, sizeMax, nowMs });
    this.#nowMs = nowMs;
  }

  policyOf(domain: string): StsPolicy | null {
    return this.#held.get(domain)?.policy ?? null;
  }

  /** The id of what holds, mode none too; null when nothing does. */
  idOf(domain: string): string | null {
    return this.#held.get(domain)?.id ?? null;
  }

  /** Whether what holds should be fetched again, though it has not ended. */
  isAged(domain: string): boolean {
    const known = this.#held.get(domain);
    return known !== undefined && this.#nowMs() >= known.renewAtMs;
  }

  /** Keeps a policy as long as it says, but at least `leastMs`; `length` is that of its text in characters. */
  hold(domain: string, id: string, file: StsFile, length: number, leastMs: number): void {
    const { mode, exchangers, maxAgeMs } = file;
    const holdsMs = Math.max(maxAgeMs, leastMs);
    const fits = (exchanger: string): boolean => listsExchanger(exchangers, exchanger);
    const policy = mode === 'none' ? null : { mode, id, fits };
    const size = domain.length + length + entrySize * (exchangers.names.size + exchangers.parents.size);
    this.#held.set(domain, { id, policy, renewAtMs: this.#nowMs() + Math.min(renewMs, holdsMs / 2) }, holdsMs, size);
  }

  /** For `forMs` the domain is not to be asked about again, unless what is held now ends earlier. */
  settle(domain: string, forMs: number): void {
    this.#settled.set(domain, this.#held.get(domain) !== undefined, forMs, domain.length);
  }

  isSettled(domain: string): boolean {
    const wasHeld = this.#settled.get(domain);
    return wasHeld === false || (wasHeld === true && this.#held.get(domain) !== undefined);
  }
}
