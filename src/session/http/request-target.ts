import { serviceOfPath } from '../../routing/client-protocols.js';

/** What a client asks for, as it is routed and forwarded. */
export interface RequestTarget {
  /** Path and query, byte for byte as they came. */
  readonly target: string;
  readonly path: string;
  /** Host and port of a target in absolute form; null when it came in origin form. */
  readonly authority: string | null;
}

const decodingsMax = 3;

/** The target of a request line in origin form; null when it is none that two readers are sure to read alike. */
export function readTarget(url: string): RequestTarget | null {
  // RFC 9112 §3.2.2: a whole URL is taken as well, and its host goes before the Host field.
  const absolute = /^https?:\/\/([^/?#\\@]+)((?:[/?].*)?)$/is.exec(url);
  const rest = absolute?.[2] ?? url;
  const target = absolute && !rest.startsWith('/') ? `/${rest}` : rest;
  const path = target.replace(/\?.*$/s, '');
  if (!target.startsWith('/') || /[\u0000-\u0020\u007f#]/.test(target) || path.includes('\\')) return null;
  return changesService(path) ? null : { target, path, authority: absolute?.[1] ?? null };
}

/** Whether a server that decodes the path and takes out its dot segments would find another service than we do. */
function changesService(path: string): boolean {
  const read = serviceOfPath(resolveDots(path));
  return read !== undefined && read !== serviceOfPath(path);
}

// RFC 3986 §5.2.4, for a reader who also decodes %2e, %2f and %5c, even twice, and takes `\` and `//` for `/`.
function resolveDots(path: string): string {
  const kept: string[] = [];
  for (const segment of decoded(path).split(/[/\\]+/)) {
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
