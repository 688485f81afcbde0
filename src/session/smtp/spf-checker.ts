import type { spf } from 'mailauth/lib/spf/index.js';
import { systemCodeOf } from '../../errors.js';
import { type SpfChecker, type SpfResult, spfDomain } from '../../filtering/spf-filter.js';
import type { DnsRecord, DnsRecordType } from '../../net/dns-resolver.js';
import { parseMailAddress } from '../../topology/mail-address.js';
import { WaitTimeout, withinTime } from './within-time.js';

export interface SpfCheckerOptions {
  readonly resolve: (name: string, type: DnsRecordType) => Promise<DnsRecord[]>;
  /** The name of the host that checks, for records that ask for it. */
  readonly hostName: string;
  /** For one check with all its questions; beyond it the result is a temporary error. */
  readonly timeoutMs?: number;
}

const defaultTimeoutMs = 10_000;
/** RFC 7208 §4.6.4 allows 10 terms that ask, and 10 addresses for each of them, in both families. */
const questionsMax = 200;
const recordLengthMax = 8192;
const recordTypes: readonly string[] = ['A', 'AAAA', 'MX', 'TXT', 'PTR'] satisfies readonly DnsRecordType[];

/** How mailauth learns the result of a check from a failed question. */
class SpfFailure extends Error {
  readonly spfResult: { readonly error: 'permerror' | 'temperror'; readonly text: string };

  constructor(error: 'permerror' | 'temperror', text: string) {
    super(text);
    this.spfResult = { error, text };
  }
}

/** Checks SPF by mailauth, which is loaded at the first check. */
export function createSpfChecker(options: SpfCheckerOptions): SpfChecker {
  const { resolve, hostName, timeoutMs = defaultTimeoutMs } = options;
  return async ({ address, helo, from }) => {
    const domain = spfDomain(from, helo);
    if (domain === undefined) return 'none';
    const bound = new AbortController();
    try {
      const sender = `${parseMailAddress(from)?.local ?? 'postmaster'}@${domain}`;
      const resolver = boundedResolver(resolve, bound.signal);
      const check = loadSpf().then((spf) => spf({ sender, ip: address, helo, mta: hostName, resolver }));
      return resultOf((await withinTime(check, timeoutMs)).status.result);
    } catch (error) {
      if (error instanceof WaitTimeout) return 'temperror';
      throw error;
    } finally {
      bound.abort();
    }
  };
}

async function loadSpf(): Promise<typeof spf> {
  const module = await import('mailauth/lib/spf/index.js');
  return module.spf;
}

/** Answers the questions of one check, and none after its end. */
function boundedResolver(resolve: SpfCheckerOptions['resolve'], signal: AbortSignal) {
  let asked = 0;
  return async (name: string, type: string): Promise<string[][] | string[]> => {
    if (signal.aborted) throw new SpfFailure('temperror', 'the check has ended');
    asked += 1;
    if (asked > questionsMax) throw new SpfFailure('permerror', 'too many questions');
    if (!isRecordType(type)) throw new SpfFailure('permerror', `a question for ${type}`);
    const records = await resolve(name, type).catch((error: unknown) => {
      const code = systemCodeOf(error);
      if (code === 'ENOTFOUND' || code === 'ENODATA') throw error;
      // RFC 7208 §2.6.6. Without a result of its own mailauth would pass over a failed question within an include.
      throw new SpfFailure('temperror', `${type} ${name} could not be looked up`);
    });
    if (records.some(isTooLong)) {
      throw new SpfFailure('permerror', `a record of ${name} is too long`);
    }
    // mailauth's types know text only; it takes MX as Node tells them.
    return records as string[] | string[][];
  };
}

function isTooLong(record: DnsRecord): boolean {
  if (!Array.isArray(record)) return false;
  const text = record.join('');
  return text.length > recordLengthMax && /^\s*v=spf1\b/i.test(text);
}

const isRecordType = (type: string): type is DnsRecordType => recordTypes.includes(type);

function resultOf(result: string): SpfResult {
  switch (result) {
    case 'none':
    case 'neutral':
    case 'pass':
    case 'fail':
    case 'softfail':
    case 'permerror':
      return result;
    default:
      return 'temperror';
  }
}
