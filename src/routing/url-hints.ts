import { formText } from './named-user.js';

/** The path and query of a request target, whatever form it has; undefined when it cannot be read. */
export function requestUrl(target: string | null): URL | undefined {
  const base = 'http://front.end';
  const text = target ?? '/';
  const rooted = text.startsWith('/') ? base + text : text;
  return URL.canParse(rooted) ? new URL(rooted) : undefined;
}

/** The query of a request target without its question mark. */
function queryOf(target: string): string {
  const start = target.indexOf('?');
  const end = target.indexOf('#');
  return start === -1 ? '' : target.slice(start + 1, end === -1 ? undefined : end);
}

/** The value of the first parameter of a name, given in lower case, in a target's query. */
export function queryParameter(target: string, wanted: string): string | undefined {
  const query = queryOf(target);
  for (let start = 0; start < query.length; ) {
    const next = query.indexOf('&', start);
    const end = next === -1 ? query.length : next;
    const pair = query.slice(start, end);
    const equals = pair.indexOf('=');
    if (equals >= wanted.length && formText(pair.slice(0, equals)).toLowerCase() === wanted) {
      return formText(pair.slice(equals + 1));
    }
    start = end + 1;
  }
  return undefined;
}

/** `mailbox@domain` of `/rpc/rpcproxy.dll?mailbox@domain:6001`. */
export function rpcMailbox(target: string): string | undefined {
  const [mailbox, port, ...rest] = percentDecoded(queryOf(target)).split(':', 3);
  const isPort = port === undefined || /^\d+$/.test(port);
  return mailbox?.includes('@') && isPort && rest.length === 0 ? mailbox : undefined;
}

/** `user@domain` of `/owa/user@domain/...`. */
export function explicitLogon(target: string): string | undefined {
  if (!/@|%40/.test(target)) return undefined;
  const path = requestUrl(target)?.pathname ?? '';
  const segment = percentDecoded(/^\/(?:owa|ecp)\/([^/]+)/i.exec(path)?.[1] ?? '');
  return segment.includes('@') ? segment : undefined;
}

/** The address of `/autodiscover/autodiscover.json/v1.0/user@domain?...`, or of its `Email` parameter. */
export function autodiscoverTarget(target: string): string | undefined {
  if (!/@|%40/.test(target)) return undefined;
  const segment = /^\/autodiscover\/autodiscover\.json\/v\d[\d.]*\/([^/?#]+)/i.exec(target)?.[1];
  return segment === undefined ? queryParameter(target, 'email') : percentDecoded(segment);
}

function percentDecoded(text: string): string {
  if (!text.includes('%')) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // a stray % sign: the text itself is the hint
  }
}
