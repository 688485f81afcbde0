import { afterAll, beforeAll, expect, test } from 'vitest';
import { runSipp, type SippOptions, type SippResult } from '../support/peers/sipp.js';
import { describePeer } from '../support/require-peer.js';
import { startUsher, type Usher } from '../support/usher.js';
import { type CallPorts, callEstate } from './calls-estate.js';

const diversion = (extension: string) => ({ Diversion: `<sip:${extension}@pbx.contoso.com>;reason=no-answer` });

describePeer('sipp', 'gateways that call', () => {
  let usher: Usher;
  let ports: CallPorts;

  beforeAll(async () => {
    const made = await callEstate();
    ports = made.ports;
    usher = await startUsher(made.estate);
  });
  afterAll(() => usher?.stop());

  const calls = (options: Partial<SippOptions> = {}): Promise<SippResult> =>
    runSipp({
      port: options.transport === 'tcp' ? ports.tcp : ports.udp,
      transport: 'udp',
      calls: 100,
      uri: `sip:5000@127.0.0.1:${ports.udp}`,
      status: 302,
      ...options,
    });

  const allWell = { succeeded: 100, failed: 0 };

  test.each<[string, Partial<SippOptions>]>([
    ['over UDP', { transport: 'udp' }],
    ['over one TCP connection', { transport: 'tcp' }],
    ['over a TCP connection each', { transport: 'tcp', connections: 'each' }],
  ])('a hundred calls %s: each is redirected to whoever has the mailbox', async (_, options) => {
    const result = await calls({
      ...options,
      fields: diversion('5102'),
      contact: 'sip:5000@127.0.0.1:5262;transport=tcp',
    });
    expect(result).toMatchObject({ ...allWell, errors: [] });
    expect(new Set(result.contacts)).toStrictEqual(new Set(['<sip:5000@127.0.0.1:5262;transport=tcp>']));
  });

  test('a hundred calls of which every tenth message is lost', async () => {
    const result = await calls({ lostPercent: 10, fields: diversion('5101'), contact: '127.0.0.1:5162' });
    expect(result).toMatchObject(allWell);
    expect(result.repeated).toBeGreaterThan(0);
    expect(new Set(result.contacts)).toStrictEqual(new Set(['<sip:5000@127.0.0.1:5162;transport=tcp>']));
  });

  test('calls of the pilot number take the servers in turn', async () => {
    const { contacts, ...result } = await calls({ transport: 'tcp' });
    expect(result).toMatchObject(allWell);
    const first = contacts.filter((contact) => contact.includes(':5162;'));
    expect([first.length, contacts.length]).toStrictEqual([50, 100]);
  });

  test.each<[string, Partial<SippOptions>]>([
    ['of a stranger', { from: '127.0.0.9', status: 403, calls: 5 }],
    ['of a gateway that is switched off', { from: '127.0.0.2', status: 403, calls: 5 }],
    ['of a gateway without a hunt group', { from: '127.0.0.3', status: 403 }],
    ['for nobody', { fields: diversion('5999'), status: 404 }],
    ['for a mailbox that takes no calls', { fields: diversion('5104'), status: 404 }],
    ['in the clear where the plan wants TLS', { uri: 'sip:6000@127.0.0.1', status: 488 }],
  ])('calls %s are refused', async (_, options) => {
    const result = await calls({ calls: 20, ...options });
    expect(result).toMatchObject({ succeeded: options.calls ?? 20, failed: 0, contacts: [] });
  });
});
