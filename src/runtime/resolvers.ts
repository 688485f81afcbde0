import { createDnsResolver, type DnsResolver } from '../net/dns-resolver.js';

/** Sets of name servers whose answers are remembered. */
const resolversMax = 100;

/** One resolver for the same name servers, so that it remembers. */
export function createResolvers(): (servers: readonly string[]) => DnsResolver {
  const resolvers = new Map<string, DnsResolver>();
  return (servers) => {
    const key = servers.join(' ');
    const known = resolvers.get(key);
    if (known !== undefined) return known;
    if (resolvers.size >= resolversMax) resolvers.clear();
    const made = createDnsResolver({ servers });
    resolvers.set(key, made);
    return made;
  };
}
