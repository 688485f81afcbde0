import type { ObjectTypes } from '../../src/topology/catalogue/catalogue.js';
import { catalogue } from '../../src/topology/catalogue/catalogue.js';
import { defaultObject } from '../../src/topology/default-object.js';
import type { DnsAnswer } from '../../src/topology/resolver.js';

export type Filters = ObjectTypes['filters'];

const defaults = defaultObject(catalogue.filters) as unknown as Filters;

/** The filters as they are by default, but for what is given. */
export function filtersWith(
  given: {
    readonly [K in keyof Filters]?: Filters[K] extends readonly unknown[] ? Filters[K] : Partial<Filters[K]>;
  },
): Filters {
  const { enabled, senders, recipients, spf, ...lists } = given;
  return {
    ...defaults,
    ...lists,
    enabled: { ...defaults.enabled, ...enabled },
    senders: { ...defaults.senders, ...senders },
    recipients: { ...defaults.recipients, ...recipients },
    spf: { ...defaults.spf, ...spf },
  };
}

/** `203.0.113.0/24` or `203.0.113.0/24 until 2026-12-31T00:00:00Z` as an entry of an address list. */
export function entry(text: string): Filters['ipBlock'][number] {
  const [range = '', expires] = text.split(' until ');
  return { range, comment: '', expires: expires ?? null };
}

/** `NAME=ADDRESS,ADDRESS`, `NAME=nxdomain`, `NAME=timeout`, apart by spaces. */
export function answersOf(text: string): Map<string, DnsAnswer> {
  const parts = text.split(' ').filter((part) => part !== '');
  return new Map(
    parts.map((part): [string, DnsAnswer] => {
      const [name = '', value = ''] = part.split('=');
      return [name, value === 'nxdomain' || value === 'timeout' ? { kind: value } : addresses(value)];
    }),
  );
}

const addresses = (text: string): DnsAnswer => ({ kind: 'addresses', addresses: text.split(',') });
