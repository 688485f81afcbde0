/* oxlint-disable vitest/expect-expect -- the transcripts assert, in play-transcript */
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { imapProtocol } from '../../../src/protocols/imap/imap-protocol.js';
import type { ClientDialogueOptions, ServerDialogueOptions } from '../../../src/protocols/sasl/login-protocol.js';
import { playClientAtEveryCut, playServerAtEveryCut } from '../sasl/play-transcript.js';

// A file begins with `client` or `server` and the options that are not these, as JSON; `#` begins a comment, and the
// bytes of a `C| ` or `S| ` line are written as a JSON string.
const clientDefaults: ClientDialogueOptions = {
  serverName: 'mail.contoso.com',
  tlsActive: true,
  starttls: true,
  plaintextLogin: false,
  commandSizeMax: 10240,
  badCommandsMax: 5,
  mechanisms: ['PLAIN', 'LOGIN', 'XOAUTH2', 'OAUTHBEARER'],
  serverCapabilities: null,
};
const serverDefaults: ServerDialogueOptions = {
  credentials: { kind: 'password', user: 'ann', authorizationId: '', password: 'secret' },
  auth: null,
  tls: 'implicit',
  client: null,
};
const folder = new URL('transcripts/', import.meta.url);
const names = readdirSync(folder).filter((name) => name.endsWith('.txt'));

describe('transcripts, their input cut at every place', () => {
  it.each(names)('%s', (name) => {
    const { side, options, entries } = read(name);
    if (side === 'client') {
      const all = { ...clientDefaults, ...(options as Partial<ClientDialogueOptions>) };
      playClientAtEveryCut(() => imapProtocol.createClientDialogue(all), entries);
    } else {
      const all = { ...serverDefaults, ...(options as Partial<ServerDialogueOptions>) };
      playServerAtEveryCut(() => imapProtocol.createServerDialogue(all), entries);
    }
  });

  it('are of both sides', () => {
    expect(new Set(names.map((name) => read(name).side))).toEqual(new Set(['client', 'server']));
  });
});

function read(name: string) {
  const lines = readFileSync(new URL(name, folder), 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));
  const [heading = '', ...entries] = lines;
  const [, side, options] = /^(client|server)(?: (\{.*\}))?$/.exec(heading) ?? [];
  if (side === undefined) throw new Error(`${name} begins with neither client nor server`);
  return { side, options: JSON.parse(options ?? '{}') as unknown, entries: entries.map(unescaped) };
}

function unescaped(line: string): string {
  if (!/^[CS]\| /.test(line)) return line;
  const bytes = String(JSON.parse(line.slice(3)));
  const isLine = bytes.indexOf('\r\n') === bytes.length - 2;
  return isLine ? `${line[0]}: ${bytes.slice(0, -2)}` : `${line.slice(0, 3)}${bytes}`;
}
