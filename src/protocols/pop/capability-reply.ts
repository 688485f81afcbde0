import type { CommandPolicy } from './client-commands.js';

/** What every usual server does after the login; announced while nothing is known of the servers. */
const safeCapabilities: readonly string[] = ['TOP', 'UIDL', 'PIPELINING'];

/** What the door decides itself, and the commands of this state that it does not have (RFC 6856 §2, §3). */
const doorCapabilities: ReadonlySet<string> = new Set(
  'CAPA STLS USER SASL RESP-CODES AUTH-RESP-CODE XCLIENT UTF8 LANG IMPLEMENTATION'.split(' '),
);

const capabilityCountMax = 40;
/** RFC 2449 §3: a keyword and its parameters, in visible characters; a line of 512 octets is the longest. */
const capabilityLine = /^[!-~]{1,64}(?: [!-~]+)*$/;
const capabilityLengthMax = 500;

/** The answer to CAPA (RFC 2449 §5): what the door does itself, and what the servers say of the time after the login. */
export function capabilityReply(policy: CommandPolicy): string {
  const lines = ['RESP-CODES', 'AUTH-RESP-CODE', ...passedOn(policy.serverCapabilities ?? safeCapabilities)];
  if (policy.stls === 'offered') lines.push('STLS');
  if (policy.login === 'allowed') lines.push('USER');
  if (policy.login === 'allowed' && policy.mechanisms.length > 0) lines.push(`SASL ${policy.mechanisms.join(' ')}`);
  lines.push('XCLIENT');
  return `+OK\r\n${lines.join('\r\n')}\r\n.\r\n`;
}

function passedOn(lines: readonly string[]): readonly string[] {
  const known = new Map<string, string>();
  for (const line of lines) {
    const name = line.split(' ', 1)[0]?.toUpperCase() ?? '';
    const isFit = line.length <= capabilityLengthMax && capabilityLine.test(line);
    if (isFit && !doorCapabilities.has(name)) known.set(name, line);
    if (known.size >= capabilityCountMax) break;
  }
  return [...known.values()];
}
