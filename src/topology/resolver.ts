/** What DNS said of a name. */
export type DnsAnswer =
  | { readonly kind: 'addresses'; readonly addresses: readonly string[] }
  | { readonly kind: 'nxdomain' }
  | { readonly kind: 'timeout' };

/** Looks names up; at once when the answer is known. What cannot be found out counts as a timeout; it never rejects. */
export interface Resolver {
  addresses(name: string): DnsAnswer | Promise<DnsAnswer>;
}
