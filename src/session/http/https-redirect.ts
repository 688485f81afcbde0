import type { RequestHead } from '../../protocols/http/http-message.js';
import { belongsTo } from '../../topology/check/doors.js';
import { parseBinding } from '../../topology/formats.js';
import type { Snapshot } from '../door-services.js';
import type { Answer } from './answers.js';

/**
 * What a door that only leads to TLS answers. Where the client named a port it reaches our ports as they are, and is
 * sent to that of our door with TLS; else to the usual one, which whoever stands before us has.
 */
export function httpsRedirect({ method, host, target }: RequestHead, snapshot: Snapshot): Answer {
  const [, name = '', port] = /^(.*?)(?::(\d+))?$/.exec(host) ?? [];
  if (name === '' || !target.startsWith('/')) return { status: 403, text: 'TLS is needed' };
  const place = port === undefined ? name : `${name}${portSuffix(snapshot)}`;
  // RFC 9110 §15.4: 308 keeps the method, which old clients do not know of.
  const status = method === 'GET' || method === 'HEAD' ? 301 : 308;
  return { status, text: 'TLS is needed', fields: ['Location', `https://${place}${target}`] };
}

function portSuffix({ topology, frontEnd }: Snapshot): string {
  const ports = topology.listeners
    .filter((listener) => listener.protocol === 'http' && listener.tls === 'implicit' && belongsTo(listener, frontEnd))
    .map((listener) => parseBinding(listener.bind)?.port);
  const [first = 443] = ports;
  return first === 443 || ports.includes(443) ? '' : `:${first}`;
}
