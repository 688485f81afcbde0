import type { DnsRecord, DnsResolver } from '../../net/dns-resolver.js';

/** What DNS says of a domain's policy; `none`: it says that there is none, or nothing that can be used. */
export type StsRecord =
  | { readonly kind: 'id'; readonly id: string }
  | { readonly kind: 'none' }
  | { readonly kind: 'failed'; readonly reason: string };

const none: StsRecord = { kind: 'none' };

/** The TXT record that announces the policy of a domain (in A-labels). */
export async function stsRecord(domain: string, dns: DnsResolver): Promise<StsRecord> {
  const found = await dns.records(`_mta-sts.${domain}`, 'TXT');
  switch (found.kind) {
    case 'records':
      return readRecords(found.records);
    case 'absent':
      return none;
    case 'failed':
      return found;
  }
}

// RFC 8461 §3.1: others are passed over; of those that begin so there must be exactly one.
function readRecords(records: readonly DnsRecord[]): StsRecord {
  const texts = records.map((record) => (Array.isArray(record) ? record.join('') : ''));
  const [only, ...more] = texts.filter((text) => /^v=STSv1[ \t]*;/.test(text));
  const id = only === undefined || more.length > 0 ? undefined : idOf(only);
  return id === undefined ? none : { kind: 'id', id };
}

const field = /^([A-Za-z0-9][A-Za-z0-9_.-]{0,31})=([\u0021-\u003a\u003c\u003e-\u007e]+)$/;

/** Undefined when the record breaks the grammar or has no id. */
function idOf(text: string): string | undefined {
  const pieces = text.split(';').map((piece) => piece.replace(/^[ \t]+|[ \t]+$/g, ''));
  // The delimiter may stand at the end too.
  if (pieces.at(-1) === '') pieces.pop();
  const fields = pieces.map((piece) => field.exec(piece));
  if (fields.includes(null)) return undefined;
  const id = fields.find((match) => match?.[1] === 'id')?.[2];
  return id !== undefined && /^[A-Za-z0-9]{1,32}$/.test(id) ? id : undefined;
}
