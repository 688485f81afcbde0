import { parseCommand } from './syntax.js';

const knownMechanism =
  /^auth +(plain|login|xoauth2|oauthbearer|cram-md5|digest-md5|ntlm|gssapi|external|scram-[a-z0-9-]{1,16})(?= |$)/i;
const word = /^[A-Za-z][A-Za-z0-9-]{0,19}(?= |$)/;

/**
 * A command line for a protocol log, without anything that may be a credential: what stands behind AUTH's mechanism,
 * and after an AUTH everything that is no command, since it may be a response that came too late.
 * @param line a character a byte
 */
export function traceOfCommand(line: string, auth: 'seen' | 'not-seen'): string {
  if (/^\s*auth/i.test(line)) {
    const mechanism = knownMechanism.exec(line);
    if (mechanism === null) return line.length === 4 ? line : 'AUTH *';
    return mechanism[0].length === line.length ? line : `${mechanism[0]} *`;
  }
  const command = parseCommand(line);
  if (command.kind === 'command') return command.argument === '' ? command.verb : `${command.verb} ${command.argument}`;
  const verb = auth === 'seen' ? undefined : word.exec(line)?.[0];
  if (verb === undefined) return '*';
  return verb.length === line.length ? verb : `${verb} *`;
}
