import { hostname } from 'node:os';
import { expect, test } from 'vitest';
import { createProgram, expectFailure } from '../cli/program.js';

test.concurrent('init with flags makes the estate that they describe', async () => {
  const program = createProgram();
  const words = [
    '--site',
    'Berlin',
    '--front-end',
    'FE1',
    '--host',
    'mail.contoso.com',
    '--domain',
    'contoso.com',
    '--submissions',
  ];
  const { revision, changed } = await program.change('init', ...words, '--message', 'first');
  expect(revision).toBe(1);
  expect(changed.filter(({ change }) => change !== 'created').map(({ noun }) => noun)).toStrictEqual(['organization']);
  expect(await program.json('export')).toMatchObject({
    organization: { defaultDomain: 'contoso.com' },
    sites: [{ name: 'Berlin' }],
    servers: [{ name: 'FE1', host: 'mail.contoso.com', site: 'Berlin', roles: ['frontend'] }],
    domains: [{ name: 'contoso.com', type: 'authoritative', validateRecipients: true }],
  });
  const connectors = await program.json<{ name: string; bindings: string[] }[]>('receive-connector', 'list');
  expect(connectors.map(({ name, bindings }) => `${name} ${bindings[0]}`)).toStrictEqual([
    'Client Frontend 0.0.0.0:587',
    'Client Frontend TLS 0.0.0.0:465',
    'Default Frontend 0.0.0.0:25',
    'Outbound Proxy Frontend 0.0.0.0:717',
  ]);
  type Shown = Readonly<Record<'name' | 'bind' | 'tls', string>> &
    Readonly<Record<'http2' | 'redirectToHttps', boolean>>;
  const listeners = await program.json<Shown[]>('listener', 'list');
  expect(listeners.map(({ name, bind, tls }) => `${name} ${bind} ${tls}`)).toStrictEqual([
    'HTTP 0.0.0.0:80 none',
    'HTTPS 0.0.0.0:443 implicit',
    'IMAP 0.0.0.0:143 starttls',
    'IMAPS 0.0.0.0:993 implicit',
    'POP 0.0.0.0:110 starttls',
    'POPS 0.0.0.0:995 implicit',
  ]);
  expect(listeners.slice(0, 2)).toMatchObject([{ redirectToHttps: true }, { redirectToHttps: false, http2: true }]);
});

test.concurrent('init without flags and without a terminal takes the defaults; the second time it is a conflict', async () => {
  const program = createProgram();
  const { code, stdout } = await program.attempt(['init']);
  expect(code).toBe(0);
  expect(stdout).toMatch(/^site "Default-First-Site" created\n.*\nrevision 1\n$/s);
  expect(await program.json('server', 'list')).toMatchObject([{ host: hostname(), roles: ['frontend'] }]);
  await expectFailure(program, ['init'], { exit: 4, message: /holds an estate already; change it with/ });
  expect(await program.json<object[]>('history')).toHaveLength(1);
});

test.concurrent('init --dry-run leaves no estate behind', async () => {
  const program = createProgram();
  expect(await program.change('init', '--dry-run')).toMatchObject({ revision: null });
  expect(await program.json('site', 'list')).toStrictEqual([]);
  await program.ok('init');
});
