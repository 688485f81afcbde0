import type { DialogueLine, HostProbe } from '../session/outbound/probe-host.js';
import type { ProbedTls } from '../session/outbound/probed-tls.js';
import type { ConnectorTest } from './test-connector.js';

type Paint = (style: 'bold' | 'dim' | 'red' | 'green', text: string) => string;

/** How the hosts were found; then for each where it is, what was said, what protected it and how it ended. */
export function connectorTestText({ trace, hosts }: ConnectorTest, paint: Paint): string {
  const width = Math.max(0, ...trace.map(({ rule }) => rule.length));
  const steps = trace.map(({ rule, detail }) => `  ${paint('dim', rule.padEnd(width))}  ${detail}`);
  const end = hosts.length === 0 ? [paint('red', 'no host was asked')] : [];
  return `${[...steps, ...hosts.flatMap((host) => hostLines(host, paint)), ...end].join('\n')}\n`;
}

function hostLines(
  { host, address, port, outcome, reason, tls, dialogue, connectMs }: HostProbe,
  paint: Paint,
): string[] {
  const place = host === address ? `[${address}]:${port}` : `${host} [${address}]:${port}`;
  return [
    paint('bold', place),
    ...dialogue.map(({ direction, text }) => lineText(direction, text, paint)),
    ...(connectMs === null && tls === null ? [] : tlsWords(tls)).map((text) => lineText('*', text, paint)),
    `${paint(outcome === 'accepted' ? 'green' : 'red', outcome)} ${reason}`,
  ];
}

const lineText = (direction: DialogueLine['direction'], text: string, paint: Paint): string =>
  `  ${paint('dim', direction)} ${text}`;

function tlsWords(tls: ProbedTls | null): string[] {
  if (tls === null) return ['no TLS'];
  const { certificate } = tls;
  if (certificate === null) return ['the host showed no certificate'];
  const { subject, issuer, names, validUntil, verified, problem } = certificate;
  return [
    `certificate of ${subject || 'nobody'}, issued by ${issuer || 'nobody'}, valid until ${validUntil}`,
    `certificate is for ${names.join(', ') || 'no names'}`,
    verified ? 'certificate verified' : `certificate not verified: ${problem ?? ''}`,
  ];
}
