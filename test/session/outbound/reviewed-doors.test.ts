import { afterAll, beforeAll, expect, test } from 'vitest';
import { type OutboundEstate, startOutboundEstate } from '../../end-to-end/outbound-estate.js';
import { codeOf, copiesOf, lastOf, message, send } from '../../end-to-end/outbound-sender.js';
import { type ScriptedHost, startScriptedHost } from '../../support/peers/scripted-host.js';

let host: ScriptedHost;
let estate: OutboundEstate;

beforeAll(async () => {
  host = await startScriptedHost();
  const smartHosts = [`[127.0.0.1]:${host.port}`];
  estate = await startOutboundEstate({
    sendConnectors: [
      { name: 'Strict', smartHosts, addressSpaces: ['strict.example'], tls: 'encrypt' },
      { name: 'Plain', smartHosts, addressSpaces: ['plain.example'], tls: 'none' },
    ],
  });
});
afterAll(async () => {
  await estate?.usher.stop();
  host?.close();
});

test('what a host lacks for one connector does not close it to another in the same transaction', async () => {
  const to = ['kim@strict.example', 'lee@plain.example', 'max@plain.example'];
  const { rcpt, end } = await send(estate.ports.proxy, { to, content: message('two-ways') });
  expect(rcpt?.map(codeOf)).toEqual(['451 4.4.1', '250 2.1.5', '250 2.1.5']);
  expect(codeOf(end)).toMatch(/^250/);
  expect(copiesOf(host.messages, 'two-ways').map(({ to }) => to)).toEqual([to.slice(1)]);
});

test('a server whose name is not found yet is not refused for good', async () => {
  const [server, ...others] = [
    { name: 'HQ1', host: 'hq1.invalid', site: 'A', endpoints: { smtp: { port: 9, tls: 'none' } } },
    { name: 'CAS1', host: 'front.contoso.com', site: 'A', roles: ['frontend'] },
  ];
  const smartHosts = [`[127.0.0.1]:${host.port}`];
  const nameless = await startOutboundEstate({
    sendConnectors: [{ name: 'Plain', smartHosts, tls: 'none' }],
    rest: { servers: [server, ...others] },
  });
  try {
    const mail = { to: ['kim@plain.example'], content: message('early') };
    const said = [await send(nameless.ports.proxy, mail), await send(nameless.ports.front, mail)].map(lastOf);
    expect(said.map(codeOf)).toEqual(['451 4.4.3', '451 4.4.3']);
    const wrong = await send(nameless.ports.front, { ...mail, to: ['nobody@contoso.com'] });
    expect(codeOf(lastOf(wrong))).toMatch(/^(?:250|451)/);
  } finally {
    await nameless.usher.stop();
  }
});
