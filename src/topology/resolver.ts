/** What DNS said of a name. */
export type DnsAnswer =
  | { readonly kind: 'addresses'; readonly addresses: readonly string[] }
  | { readonly kind: 'nxdomain' }
  | { readonly kind: 'timeout' };

/** Lookups of addresses; passed in, so that an answer can be given instead of asked for. */
export interface Resolver {
  addresses(name: string): Promise<DnsAnswer>;
}
