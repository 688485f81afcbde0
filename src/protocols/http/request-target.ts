import { isHost } from './host-field.js';

/** What a client asks for, as it is routed and forwarded. */
export interface RequestTarget {
  /** Path and query, byte for byte as they came. */
  readonly target: string;
  readonly path: string;
  /** Host and port of a target in absolute form; null when it came in origin form. */
  readonly authority: string | null;
}

const decodingsMax = 3;
// RFC 3986 §3: no fragment in a request.
const unusable = /[^\x21\x22\x24-\x7e]/;

/**
 * The target of a request line; null when it is none that two readers are sure to read alike: one whose path leads to
 * another service after decoding and without its dot segments. `*` has no service and is none either.
 */
export function readTarget(target: string, serviceOf: (path: string) => string | undefined): RequestTarget | null {
  if (unusable.test(target)) return null;
  if (target.startsWith('/')) return readOrigin(target, null, serviceOf);
  // RFC 9112 §3.2.2: a whole URL is taken as well, and its host goes before the Host field.
  const [, authority, rest = ''] = /^https?:\/\/([^/?#\\@]+)((?:[/?].*)?)$/i.exec(target) ?? [];
  if (authority === undefined || !isHost(authority)) return null;
  return readOrigin(rest.startsWith('/') ? rest : `/${rest}`, authority, serviceOf);
}

function readOrigin(
  target: string,
  authority: string | null,
  serviceOf: (path: string) => string | undefined,
): RequestTarget | null {
  const query = target.indexOf('?');
  const path = query === -1 ? target : target.slice(0, query);
  if (path.includes('\\')) return null;
  const isPlain = !path.includes('%') && !path.includes('//') && !path.includes('/.');
  return isPlain || !changesService(path, serviceOf) ? { target, path, authority } : null;
}

/** Whether a server that decodes the path and takes out its dot segments would find another service than we do. */
function changesService(path: string, serviceOf: (path: string) => string | undefined): boolean {
  const read = serviceOf(resolveDots(path));
  return read !== undefined && read !== serviceOf(path);
}

// RFC 3986 §5.2.4, for a reader who also decodes %2e, %2f and %5c, even twice, takes `\` and `//` for `/`, and does
// not count what stands behind a `;` among a segment's name (§3.3).
function resolveDots(path: string): string {
  const kept: string[] = [];
  for (const whole of decoded(path).split(/[/\\]+/)) {
    const segment = whole.replace(/;.*/s, '');
    if (segment === '..') kept.pop();
    else if (segment !== '.' && segment !== '') kept.push(segment);
  }
  return `/${kept.join('/')}`;
}

function decoded(path: string): string {
  let text = path;
  for (let round = 0; round < decodingsMax && text.includes('%'); round += 1) {
    text = text.replace(/%([0-9a-f]{2})/gi, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 16)));
  }
  return text;
}
