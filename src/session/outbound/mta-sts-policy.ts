import { domainKey } from '../../topology/mail-address.js';

/** A policy file as it was read; `mode` none: the domain takes its policy back. */
export interface StsFile {
  readonly kind: 'policy';
  readonly mode: 'enforce' | 'testing' | 'none';
  readonly maxAgeMs: number;
  readonly exchangers: ExchangerNames;
}

/** The exchangers of a policy: names, and for `*.example.net` what follows the first dot. */
export interface ExchangerNames {
  readonly names: ReadonlySet<string>;
  readonly parents: ReadonlySet<string>;
}

/** RFC 8461 §3.2: a year. */
const maxAgeMaxSeconds = 31_557_600;
const exchangersMax = 1000;

/** Reads a policy file: RFC 8461 §3.2. Time and memory grow with its length only. */
export function readStsPolicy(text: string): StsFile | { readonly kind: 'invalid'; readonly reason: string } {
  const fields = new Map<string, string>();
  const patterns = new Set<string>();
  for (const line of text.split('\n')) {
    const colon = line.indexOf(':');
    const key = line.slice(0, Math.max(0, colon)).trim().toLowerCase();
    const value = line.slice(colon + 1).trim();
    if (key === 'mx') patterns.add(value);
    // Of a field that may stand once the first counts.
    else if (key !== '' && !fields.has(key)) fields.set(key, value);
  }
  if (fields.get('version') !== 'STSv1') return invalid('it is not of version STSv1');
  const mode = fields.get('mode')?.toLowerCase();
  if (mode !== 'enforce' && mode !== 'testing' && mode !== 'none') return invalid('its mode is none that is known');
  const maxAge = fields.get('max_age') ?? '';
  if (!/^\d{1,10}$/.test(maxAge) || Number(maxAge) > maxAgeMaxSeconds) {
    return invalid(`its max_age is no number of seconds up to ${maxAgeMaxSeconds}`);
  }
  if (patterns.size > exchangersMax) return invalid(`it lists more than ${exchangersMax} exchangers`);
  const exchangers = readExchangers(patterns);
  if (mode !== 'none' && exchangers.names.size + exchangers.parents.size === 0) return invalid('it lists no exchanger');
  return { kind: 'policy', mode, maxAgeMs: Number(maxAge) * 1000, exchangers };
}

const invalid = (reason: string) => ({ kind: 'invalid', reason }) as const;

function readExchangers(patterns: ReadonlySet<string>): ExchangerNames {
  const names = new Set<string>();
  const parents = new Set<string>();
  for (const pattern of patterns) {
    const isWildcard = pattern.startsWith('*.');
    const domain = domainKey(isWildcard ? pattern.slice(2) : pattern);
    if (domain !== undefined) (isWildcard ? parents : names).add(domain);
  }
  return { names, parents };
}

/** Whether a policy lists a mail exchanger. RFC 8461 §4.1: a wildcard stands for exactly one label. */
export function listsExchanger({ names, parents }: ExchangerNames, exchanger: string): boolean {
  const name = domainKey(exchanger);
  if (name === undefined) return false;
  const dot = name.indexOf('.');
  return names.has(name) || (dot > 0 && parents.has(name.slice(dot + 1)));
}
