import type { Listener } from '../catalogue/catalogue.js';
import { formatSize } from '../quantities.js';
import type { Topology } from '../topology.js';
import type { Finding } from './finding.js';
import { errorOf, warningOf } from './finding.js';

const error = errorOf('listener');

export function checkListeners(topology: Topology): Finding[] {
  return topology.listeners.flatMap((listener) => [
    ...checkCommandSize(listener),
    ...checkRules(listener),
    ...checkEffect(listener),
  ]);
}

const commandSizes: Partial<Record<Listener['protocol'], readonly [number, number]>> = {
  pop: [40, 1024],
  imap: [1024, 16_384],
};

function checkCommandSize(listener: Listener): Finding[] {
  const sizes = commandSizes[listener.protocol];
  const commandSize = listener.limits.maxCommandSize;
  if (!sizes || commandSize === null || (commandSize >= sizes[0] && commandSize <= sizes[1])) return [];
  const range = `${sizes[0]} to ${sizes[1]} bytes for ${listener.protocol}`;
  const message = `maxCommandSize ${formatSize(commandSize)} is out of range (${range})`;
  return [error(listener.name, ['limits', 'maxCommandSize'], 'out-of-range', message)];
}

/** What a listener of its protocol cannot do, each with the field that asks for it. */
function checkRules(listener: Listener): Finding[] {
  const { protocol, tls, transport, clientCa } = listener;
  const isWeb = protocol === 'http';
  const hasStartTls = protocol === 'imap' || protocol === 'pop';
  const rules: ReadonlyArray<readonly [broken: boolean, field: keyof Listener, code: string, message: string]> = [
    [tls === 'starttls' && !hasStartTls, 'tls', 'no-starttls', `${protocol} has no STARTTLS; use none or implicit`],
    [
      transport === 'udp' && (protocol !== 'sip' || tls !== 'none'),
      'transport',
      'no-udp',
      'udp is for sip without tls only',
    ],
    [
      clientCa !== null && (protocol !== 'sip' || tls !== 'implicit'),
      'clientCa',
      'no-client-certificates',
      'clientCa is for sip with tls implicit only',
    ],
    [
      listener.redirectToHttps && (!isWeb || tls !== 'none'),
      'redirectToHttps',
      'no-redirect',
      'redirectToHttps is for http without tls only',
    ],
    [
      listener.hsts !== null && (!isWeb || tls !== 'implicit'),
      'hsts',
      'no-hsts',
      'hsts is for http with tls implicit only; browsers ignore it elsewhere',
    ],
    [listener.serverHeaders && !isWeb, 'serverHeaders', 'no-web-door', 'serverHeaders is for http only'],
    [!listener.http2 && !isWeb, 'http2', 'no-web-door', 'http2 is for http only'],
  ];
  return rules
    .filter(([broken]) => broken)
    .map(([, field, code, message]) => error(listener.name, [field], code, message));
}

/** Settings that change nothing here. */
function checkEffect({ name, protocol, tls, http2 }: Listener): Finding[] {
  if (http2 || protocol !== 'http' || tls === 'implicit') return [];
  const message = 'has http2 switched off, and no TLS: HTTP/2 is never offered without it; it has no effect';
  return [warningOf('listener')(name, ['http2'], 'setting-without-effect', message)];
}
