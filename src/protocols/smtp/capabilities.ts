/** What a server said it can do: its name, and each EHLO keyword (upper case) with its parameters. */
export interface ServerCapabilities {
  readonly name: string;
  readonly keywords: ReadonlyMap<string, readonly string[]>;
}

/** Reads a reply to EHLO (RFC 5321 §4.1.1.1); `AUTH=PLAIN`, as old servers write it, counts as `AUTH PLAIN`. */
export function readCapabilities(lines: readonly string[]): ServerCapabilities {
  const keywords = new Map<string, string[]>();
  for (const line of lines.slice(1)) {
    const [keyword = '', ...parameters] = line
      .replace(/^AUTH=/i, 'AUTH ')
      .trim()
      .split(/ +/);
    const name = keyword.toUpperCase();
    const known = keywords.get(name);
    if (known !== undefined) known.push(...parameters);
    else if (name !== '') keywords.set(name, parameters);
  }
  return { name: lines[0]?.split(' ')[0] ?? '', keywords };
}

/** The largest message the server takes (RFC 1870 §4); null when it does not say. */
export function messageSizeMax(capabilities: ServerCapabilities): number | null {
  const said = capabilities.keywords.get('SIZE')?.[0] ?? '';
  return /^\d{1,15}$/.test(said) && Number(said) > 0 ? Number(said) : null;
}

/** The SASL mechanisms the server offers (RFC 4954 §3), in upper case. */
export function offeredMechanisms(capabilities: ServerCapabilities): readonly string[] {
  return (capabilities.keywords.get('AUTH') ?? []).map((mechanism) => mechanism.toUpperCase());
}
