import type { FieldLines } from '../../protocols/http/http-message.js';
import { cookieOf, cookieStep } from '../../routing/route-client.js';
import { makeRouteCookie, type RouteCookieKind, routeCookieNames, setCookieValue } from '../../routing/route-cookie.js';
import type { Exchange } from './exchange.js';

const nothing: FieldLines = [];

/** The fields that the front end adds to an answer; `server` is whose answer it is, null: its own. */
export function ownFields(exchange: Exchange, server: string | null): FieldLines {
  const { door, client } = exchange;
  const { asked, routed } = exchange.facts;
  const snapshot = routed?.snapshot ?? door.services.snapshot();
  const listener = door.settings(snapshot);
  const isPlain = listener === undefined || (listener.hsts === null && !listener.serverHeaders);
  const cookie = server === null ? null : cookieDue(exchange);
  if (isPlain && cookie === null) return nothing;
  const fields: string[] = [];
  if (listener?.hsts != null && client.scheme === 'https')
    fields.push('Strict-Transport-Security', `max-age=${Math.round(listener.hsts / 1000)}`);
  if (listener?.serverHeaders === true) {
    fields.push('X-FEServer', snapshot.frontEnd.name);
    if (server !== null) fields.push('X-BEServer', server);
  }
  if (cookie !== null && asked !== null) {
    const options = {
      // One logon counts for OWA and ECP alike.
      path: cookie.kind === 'override' || asked.service.isBuiltIn ? '/' : asked.service.path,
      isSecure: client.scheme === 'https',
    };
    fields.push('Set-Cookie', setCookieValue(routeCookieNames[cookie.kind], cookie.value, options));
  }
  return fields;
}

interface DueCookie {
  readonly kind: RouteCookieKind;
  readonly value: string;
}

/** The route cookie that the client is to be given: the mailbox it was found to work with, to be found again by it. */
function cookieDue(exchange: Exchange): DueCookie | null {
  const { asked, routed } = exchange.facts;
  if (asked === null || routed === null) return null;
  const kind = cookieOf(routed.decision, asked.request);
  const [key] = exchange.door.services.routeKeys();
  if (kind === null || key === undefined || routed.decision.mailbox === null) return null;
  exchange.facts.cookieStep = cookieStep(routed.decision, asked.request);
  return { kind, value: makeRouteCookie(routed.decision.mailbox, key, Date.now()) };
}
