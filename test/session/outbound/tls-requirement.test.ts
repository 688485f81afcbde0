import { describe, expect, test } from 'vitest';
import type { StsPolicy } from '../../../src/session/outbound/mta-sts.js';
import { type TlsOfConnector, tlsRequirement } from '../../../src/session/outbound/tls-requirement.js';

const host = 'mx.fabrikam.test';
const connector = (given: Partial<TlsOfConnector>): TlsOfConnector => ({
  name: 'Internet',
  tls: 'opportunistic',
  implicitTls: false,
  mtaSts: true,
  smartHosts: [],
  ...given,
});
const policy = (mode: StsPolicy['mode'], lists = host): StsPolicy => ({
  mode,
  id: '7',
  fits: (name) => name === lists,
});

/** `verified NAME`, the kind, or `451 4.7.0`. */
function demanded(given: Partial<TlsOfConnector>, sts: StsPolicy | null, of = host): string {
  const requirement = tlsRequirement(connector(given), of, sts);
  if (requirement.kind === 'refused') return `${requirement.reply.code} ${requirement.reply.enhanced}`;
  return requirement.name === null ? requirement.kind : `${requirement.kind} ${requirement.name}`;
}

describe('the TLS that is demanded of a host', () => {
  const own = [
    // tls, implicitTls, no policy or one in testing, an enforced policy that lists the host
    ['none', false, 'none', '451 4.7.0'],
    ['none', true, 'required', `verified ${host}`],
    ['opportunistic', false, 'opportunistic', `verified ${host}`],
    ['opportunistic', true, 'required', `verified ${host}`],
    ['encrypt', false, 'required', `verified ${host}`],
    ['encrypt', true, 'required', `verified ${host}`],
    ['verify', false, `verified ${host}`, `verified ${host}`],
    ['verify', true, `verified ${host}`, `verified ${host}`],
    ['domain:Fabrikam.test', false, 'verified fabrikam.test', 'verified fabrikam.test'],
    ['domain:fabrikam.test', true, 'verified fabrikam.test', 'verified fabrikam.test'],
  ] as const;
  test.each(own)('%s, implicit %s: %s; enforced: %s', (tls, implicitTls, plain, enforced) => {
    const given = { tls, implicitTls };
    expect(demanded(given, null)).toBe(plain);
    expect(demanded(given, policy('testing'))).toBe(plain);
    expect(demanded(given, policy('testing', 'other.test'))).toBe(plain);
    expect(demanded(given, policy('enforce'))).toBe(enforced);
    expect(demanded(given, policy('enforce', 'other.test'))).toBe('451 4.7.0');
    expect(demanded({ ...given, mtaSts: false }, policy('enforce', 'other.test'))).toBe(plain);
    expect(demanded({ ...given, smartHosts: [host] }, policy('enforce', 'other.test'))).toBe(plain);
  });

  test('the host in any spelling, or by its address', () => {
    expect(demanded({ tls: 'verify' }, null, 'MX.Fabrikam.test.')).toBe(`verified ${host}`);
    expect(demanded({}, policy('enforce'), 'MX.Fabrikam.test.')).toBe(`verified ${host}`);
    expect(demanded({ tls: 'verify', smartHosts: ['[192.0.2.1]'] }, null, '192.0.2.1')).toBe('verified 192.0.2.1');
  });
});

describe('what is told', () => {
  const words = (given: Partial<TlsOfConnector>, sts: StsPolicy | null): string[] =>
    tlsRequirement(connector(given), host, sts).trace.map(({ rule, detail }) => `${rule}: ${detail}`);

  test('by the connector alone', () => {
    expect(words({}, null)).toEqual(['tls: opportunistic: TLS when it is offered, the certificate is not checked']);
    expect(words({ tls: 'none' }, null)).toEqual(['tls: none: plain text']);
  });

  test('of a policy', () => {
    const last = (given: Partial<TlsOfConnector>, sts: StsPolicy): string | undefined => words(given, sts).at(-1);
    expect(last({}, policy('enforce'))).toBe(
      `mta-sts: policy 7, mode enforce: ${host} is listed; the certificate must be for ${host}`,
    );
    expect(last({ tls: 'domain:fabrikam.test' }, policy('enforce'))).toBe(
      `mta-sts: policy 7, mode enforce: ${host} is listed; the connector's own check stands`,
    );
    expect(last({}, policy('testing'))).toBe(`mta-sts: policy 7, mode testing: ${host} is listed`);
    expect(last({}, policy('testing', 'x.test'))).toBe(
      `mta-sts: policy 7, mode testing: ${host} is not listed and would get no mail under enforce`,
    );
    expect(last({ tls: 'none' }, policy('enforce'))).toBe(
      'mta-sts: policy 7, mode enforce: TLS is demanded and send connector "Internet" has it off; ' +
        'set mtaSts to false or tls to opportunistic',
    );
  });

  test('to the sender', () => {
    const said = tlsRequirement(connector({}), host, policy('enforce', 'x.test'));
    expect(said).toMatchObject({
      kind: 'refused',
      reply: { text: `The recipient domain's MTA-STS policy does not list ${host}; try again later` },
    });
  });
});
