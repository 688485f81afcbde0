// RFC 3261 §7.3.3 and §20, and the RFCs of the extensions (IANA, SIP compact forms).
const compactNames: Readonly<Record<string, string>> = {
  a: 'accept-contact',
  b: 'referred-by',
  c: 'content-type',
  d: 'request-disposition',
  e: 'content-encoding',
  f: 'from',
  i: 'call-id',
  j: 'reject-contact',
  k: 'supported',
  l: 'content-length',
  m: 'contact',
  n: 'identity-info',
  o: 'event',
  r: 'refer-to',
  s: 'subject',
  t: 'to',
  u: 'allow-events',
  v: 'via',
  x: 'session-expires',
  y: 'identity',
};

const usualNames = [
  'Via',
  'From',
  'To',
  'Call-ID',
  'CSeq',
  'Contact',
  'Max-Forwards',
  'Content-Length',
  'Content-Type',
  'Allow',
  'Supported',
  'User-Agent',
  'Route',
  'Record-Route',
  'Diversion',
  'History-Info',
  'Session-Expires',
  'Min-SE',
  'P-Asserted-Identity',
  'Require',
  'Accept',
  'Expires',
  'Date',
];

const spellings: ReadonlyMap<string, string> = new Map([
  ...Object.entries(compactNames),
  ...Object.entries(compactNames).map(([short, long]): [string, string] => [short.toUpperCase(), long]),
  ...usualNames.map((name): [string, string] => [name, name.toLowerCase()]),
]);

const token = /^[A-Za-z0-9.!%*_+`'~-]+$/;

/** The long form in lower case of a name as it was sent; null when it is no name (RFC 3261 §7.3). */
export function fieldNameOf(sent: string): string | null {
  const usual = spellings.get(sent);
  if (usual !== undefined) return usual;
  return token.test(sent) ? sent.toLowerCase() : null;
}
