import { describe, expect, test } from 'vitest';
import { composeObject } from '../../src/estate/compose-object.js';
import type { EstateObject } from '../../src/topology/catalogue/catalogue.js';
import { catalogue, nouns } from '../../src/topology/catalogue/catalogue.js';
import { defaultObject } from '../../src/topology/default-object.js';
import { endpointDefaults, endpointNames } from '../../src/topology/endpoints.js';
import type { NounName } from '../../src/topology/fields.js';

/** What a row of changes makes of an object: the first one creates it. */
function compose(noun: NounName, ...changes: readonly EstateObject[]): EstateObject {
  let stored: EstateObject | undefined;
  for (const given of changes) {
    const composed = composeObject(catalogue[noun], stored, given);
    if ('problems' in composed) throw new Error(JSON.stringify(composed.problems));
    stored = composed.object;
  }
  return stored ?? {};
}

/** What is wrong with an object, as `path: message`. */
function problems(noun: NounName, given: EstateObject, stored?: EstateObject): string[] {
  const composed = composeObject(catalogue[noun], stored, given);
  return 'problems' in composed ? composed.problems.map(({ path, message }) => `${path.join('.')}: ${message}`) : [];
}

const site = { name: 'A' };
const server = { name: 'MBX1', site: 'A' };
const database = { name: 'DB1', copies: ['MBX1', 'MBX2'] };
const mailbox = { address: 'ann@contoso.com', database: 'DB1' };
const connector = { name: 'Internet', sources: ['MBX1'] };
const listener = { name: 'L', protocol: 'imap', bind: '0.0.0.0:143' };

describe('defaults', () => {
  test('a server', () => {
    expect(compose('server', server)).toEqual({
      name: 'MBX1',
      host: 'MBX1',
      site: 'A',
      dag: null,
      roles: ['mailbox'],
      accepts: 'any',
      endpoints: endpointDefaults,
      components: [],
    });
  });

  test('sizes are held in bytes, durations in milliseconds', () => {
    expect(compose('receive-connector', { name: 'R' })).toMatchObject({
      maxMessageSize: 36 * 1024 ** 2,
      maxHeaderSize: 256 * 1024,
      connectionTimeout: 300_000,
      tarpit: 5000,
    });
  });

  test('an object of which there is one is complete without a word given', () => {
    for (const noun of nouns.filter((noun) => noun.nameField === null)) {
      expect(composeObject(noun, undefined, {})).toEqual({ object: defaultObject(noun) });
    }
  });
});

describe('keys not given keep their stored values', () => {
  test('at the top', () => {
    const changed = compose('site', { ...site, hub: true }, { acceptInbound: false });
    expect(changed).toMatchObject({ name: 'A', hub: true, acceptInbound: false });
  });

  test('inside objects, key by key', () => {
    const services = { owa: { externalUrl: 'https://a/', crossSite: 'proxy' }, eas: { crossSite: 'redirect' } };
    expect(
      compose('site', { ...site, services }, { services: { owa: { crossSite: 'redirect' }, oab: {} } })['services'],
    ).toEqual({
      owa: { externalUrl: 'https://a/', crossSite: 'redirect' },
      eas: { externalUrl: null, crossSite: 'redirect' },
      oab: { externalUrl: null, crossSite: null },
    });
    const limits = compose(
      'listener',
      { ...listener, limits: { maxConnections: 5, idleTimeout: '30m' } },
      { limits: { maxConnections: 6 } },
    );
    expect(limits['limits']).toMatchObject({ maxConnections: 6, idleTimeout: 1_800_000 });
    const protocols = compose('mailbox', { ...mailbox, protocols: { imap: false } }, { protocols: { pop: false } });
    expect(protocols['protocols']).toEqual({ imap: false, pop: false });
  });

  test('and what is given again in another form is the same', () => {
    const made = { name: 'R', maxMessageSize: '1.5MB', tarpit: '1500ms' };
    const again = { maxMessageSize: 1_572_864, tarpit: '1.5s' };
    expect(compose('receive-connector', made, again)).toEqual(compose('receive-connector', made));
  });
});

describe('a list replaces the stored list', () => {
  test('of texts, references and objects', () => {
    expect(
      compose('mailbox', { ...mailbox, aliases: ['a@x.com', 'b@x.com'] }, { aliases: ['c@x.com'] })['aliases'],
    ).toEqual(['c@x.com']);
    expect(compose('mailbox', { ...mailbox, aliases: ['a@x.com'] }, { aliases: [] })['aliases']).toEqual([]);
    const state = { component: 'imap', requester: 'health', state: 'inactive' };
    const other = { ...state, requester: 'maintenance' };
    expect(compose('server', { ...server, components: [state] }, { components: [other] })['components']).toEqual([
      other,
    ]);
  });

  test('its items are new: they take defaults, not what stood there', () => {
    const ipAllow = [{ range: '10.0.0.1', comment: 'ours', expires: '2026-12-31' }];
    const changed = compose('filters', { ipAllow }, { ipAllow: [{ range: '10.0.0.1' }] });
    expect(changed['ipAllow']).toEqual([{ range: '10.0.0.1', comment: '', expires: null }]);
  });
});

describe('null clears to the default', () => {
  test.each<[NounName, EstateObject, EstateObject, EstateObject]>([
    ['site', { ...site, hub: true }, { hub: null }, { hub: false }],
    [
      'site',
      { ...site, services: { owa: { crossSite: 'proxy' }, ecp: {} } },
      { services: { owa: null } },
      { services: { ecp: { externalUrl: null, crossSite: null } } },
    ],
    ['site', { ...site, services: { owa: {} } }, { services: null }, { services: {} }],
    ['server', { ...server, dag: 'D', host: 'x' }, { dag: null, host: null }, { dag: null, host: 'MBX1' }],
    [
      'server',
      { ...server, endpoints: { imap: { tls: 'none', ca: '/ca' } } },
      { endpoints: { imap: { ca: null } } },
      { endpoints: { ...endpointDefaults, imap: { ...endpointDefaults.imap, tls: 'none' } } },
    ],
    ['server', { ...server, endpoints: { imap: 143 } }, { endpoints: { imap: null } }, { endpoints: endpointDefaults }],
    ['server', { ...server, endpoints: { imap: 143 } }, { endpoints: null }, { endpoints: endpointDefaults }],
    [
      'link',
      { name: 'L', sites: ['A', 'B'], cost: 5, mailCost: 7 },
      { cost: null, mailCost: null },
      { cost: 100, mailCost: null },
    ],
    ['send-connector', { ...connector, auth: { user: 'u', passwordFile: '/p' } }, { auth: null }, { auth: null }],
    ['send-connector', { ...connector, addressSpaces: ['x.com'] }, { addressSpaces: null }, { addressSpaces: ['*;1'] }],
    [
      'mailbox',
      { ...mailbox, protocols: { imap: false, pop: false } },
      { protocols: { imap: null } },
      { protocols: { pop: false } },
    ],
    [
      'filters',
      { spf: { fail: 'reject', tempError: 'delete' } },
      { spf: { fail: null } },
      { spf: { fail: 'stamp', tempError: 'delete', bypassedRecipients: [], bypassedDomains: [] } },
    ],
    [
      'filters',
      { ipAllow: [{ range: '::1', comment: 'x' }] },
      { ipAllow: [{ range: '::1', comment: null }] },
      { ipAllow: [{ range: '::1', comment: '', expires: null }] },
    ],
    ['receive-connector', { name: 'R', tarpit: '1s' }, { tarpit: null }, { tarpit: 5000 }],
  ])('%s %j then %j', (noun, first, second, expected) => {
    expect(compose(noun, first, second)).toMatchObject(expected);
    if (expected['services'] ?? expected['protocols'])
      expect(compose(noun, first, second)).toEqual({ ...compose(noun, first), ...expected });
  });

  test('a required field cannot be cleared', () => {
    expect(problems('server', { site: null }, compose('server', server))).toEqual(['site: is required']);
  });

  test('what an agent is told is its own, nulls too', () => {
    const agents = [{ name: 'a', module: '/a.js', settings: { deep: { x: null }, list: [null] } }];
    expect(compose('filters', { agents })['agents']).toMatchObject(agents);
  });
});

describe('defaults that follow other fields', () => {
  const tlsOf = (...changes: EstateObject[]) => compose('listener', listener, ...changes)['tls'];
  test('tls of a listener follows its protocol until it is set to something else', () => {
    expect(tlsOf()).toBe('starttls');
    expect(tlsOf({ protocol: 'http' })).toBe('none');
    expect(tlsOf({ protocol: 'http' }, { protocol: 'pop' })).toBe('starttls');
    expect(tlsOf({ tls: 'implicit' }, { protocol: 'http' })).toBe('implicit');
    expect(tlsOf({ tls: 'implicit' }, { tls: null })).toBe('starttls');
    expect(tlsOf({ tls: 'none' }, { protocol: 'pop' })).toBe('none');
  });

  const validates = (...changes: EstateObject[]) =>
    compose('domain', { name: 'contoso.com', type: 'authoritative' }, ...changes)['validateRecipients'];
  test('validateRecipients of a domain follows its type', () => {
    expect(validates()).toBe(true);
    expect(validates({ type: 'internal-relay' })).toBe(false);
    expect(validates({ type: 'external-relay' }, { type: 'authoritative' })).toBe(true);
    expect(validates({ validateRecipients: false }, { matchSubdomains: true })).toBe(false);
  });

  test('the host of a server and the active copy of a database are set once', () => {
    expect(compose('server', server, { site: 'B' })['host']).toBe('MBX1');
    expect(compose('database', database)['active']).toBe('MBX1');
    expect(compose('database', database, { copies: ['MBX2', 'MBX1'] })['active']).toBe('MBX1');
    expect(compose('database', database, { copies: ['MBX2', 'MBX1'], active: null })['active']).toBe('MBX2');
  });
});

describe('endpoints', () => {
  const endpointsOf = (...changes: readonly EstateObject[]) =>
    compose('server', server, ...changes)['endpoints'] as Readonly<Record<string, unknown>>;
  const endpoint = (...changes: readonly unknown[]) =>
    endpointsOf(...changes.map((smtp) => ({ endpoints: { smtp } })))['smtp'];
  const row = endpointDefaults.smtp;

  test('a bare port is its row with that port', () => {
    for (const name of endpointNames) {
      expect(endpointsOf({ endpoints: { [name]: 7 } })[name]).toEqual({
        ...endpointDefaults[name],
        port: 7,
      });
    }
    expect(endpoint({ tls: 'implicit', ca: '/ca', auth: 'PLAIN' }, 26)).toEqual({ ...row, port: 26 });
  });

  test('an object changes the keys it gives', () => {
    expect(endpoint(26, { proxyProtocol: 'v2' }, { auth: 'PLAIN' })).toEqual({
      ...row,
      port: 26,
      proxyProtocol: 'v2',
      auth: 'PLAIN',
    });
  });

  test('verify is true unless TLS is opportunistic, and follows it', () => {
    expect(endpoint({})).toMatchObject({ tls: 'opportunistic', verify: false });
    expect(endpoint({ tls: 'starttls' })).toMatchObject({ verify: true });
    expect(endpoint({ tls: 'opportunistic' }, { tls: 'starttls' })).toMatchObject({ verify: true });
    expect(endpoint({ tls: 'starttls' }, { tls: 'opportunistic' })).toMatchObject({ verify: false });
    expect(endpoint({ tls: 'starttls', verify: false }, { port: 26 })).toMatchObject({ verify: false });
    expect(endpoint({ verify: true }, { port: 26 })).toMatchObject({ tls: 'opportunistic', verify: true });
    expect(endpoint({ verify: true }, { verify: null })).toMatchObject({ verify: false });
  });

  test('one object has one text, in whatever order its keys were given', () => {
    const keys = (value: unknown) => Object.keys(value as object);
    expect(keys(endpoint({ auth: 'PLAIN', verify: true, port: 3 }))).toEqual(keys(row));
    expect(keys(endpoint({ auth: 'PLAIN' }))).toEqual(keys(row));
  });
});

test('an object keeps the case of its name', () => {
  expect(compose('site', { name: 'Wien' }, { name: 'WIEN', hub: true })).toMatchObject({ name: 'Wien', hub: true });
});

describe('what is wrong is named with its place and the nearest name', () => {
  test.each<[NounName, EstateObject, string[]]>([
    ['site', { ...site, hubb: true }, ['hubb: unknown key "hubb" (did you mean "hub"?)']],
    ['dag', { name: 'D', site: 'A' }, ['site: unknown key "site"; known keys: name']],
    ['site', { ...site, hubb: null }, ['hubb: unknown key "hubb" (did you mean "hub"?)']],
    ['site', { ...site, services: { ova: null } }, ['services.ova: unknown key "ova" (did you mean "owa"?)']],
    [
      'site',
      { ...site, services: { owa: { externalURL: 'https://a/' } } },
      ['services.owa.externalURL: unknown key "externalURL" (did you mean "externalUrl"?)'],
    ],
    [
      'server',
      { ...server, endpoints: { imaps: 993 } },
      ['endpoints.imaps: unknown key "imaps" (did you mean "imap"?)'],
    ],
    [
      'server',
      { ...server, endpoints: { imap: { prot: 993 } } },
      ['endpoints.imap.prot: unknown key "prot" (did you mean "port"?)'],
    ],
    [
      'server',
      { ...server, endpoints: { imap: { prot: null } } },
      ['endpoints.imap.prot: unknown key "prot" (did you mean "port"?)'],
    ],
    [
      'filters',
      { ipAllow: [{ rang: '::1', range: '::1' }] },
      ['ipAllow.0.rang: unknown key "rang" (did you mean "range"?)'],
    ],
    [
      'server',
      JSON.parse('{"name":"M","__proto__":{"site":"A"}}') as EstateObject,
      [
        'site: is required',
        '__proto__: unknown key "__proto__"; known keys: name, host, site, dag, roles, accepts, endpoints, components',
      ],
    ],
    [
      'server',
      { ...server, constructor: 1 },
      [
        'constructor: unknown key "constructor"; known keys: name, host, site, dag, roles, accepts, endpoints, components',
      ],
    ],

    [
      'server',
      { name: 'M', site: 5 },
      ['site: expected a name of 1 to 64 characters without control characters or outer spaces, found 5'],
    ],
    ['server', { ...server, host: '' }, ['host: expected a host name or an IP address, found ""']],
    ['link', { name: 'L', sites: ['A', 'B'], cost: '5' }, ['cost: expected a whole number (1 to 99999), found "5"']],
    ['link', { name: 'L', sites: ['A', 'B'], cost: 0 }, ['cost: 0 is out of range (1 to 99999)']],
    ['link', { name: 'L', sites: ['A', 'B'], cost: 1.5 }, ['cost: expected a whole number (1 to 99999), found 1.5']],
    ['link', { name: 'L', sites: ['A'] }, ['sites: needs at least 2 entries']],
    ['link', { name: 'L', sites: ['A', 'a'] }, ['sites.1: "a" stands in the list twice']],
    ['link', { name: 'L', sites: 'A' }, ['sites: expected a list, found "A"']],
    ['link', { name: 'L', sites: { 0: 'A' } }, ['sites: expected a list, found {"0":"A"}']],
    [
      'link',
      { name: 'L', sites: ['A', 'B'], maxMessageSize: '1KB' },
      ['maxMessageSize: "1KB" is out of range (at least 64KB)'],
    ],
    ['site', { ...site, hub: 'yes' }, ['hub: expected true or false, found "yes"']],
    ['site', { ...site, services: [] }, ['services: expected an object with keys, found []']],
    ['server', { ...server, endpoints: 143 }, ['endpoints: expected an object with keys, found 143']],
    [
      'server',
      { ...server, endpoints: { imap: '143' } },
      ['endpoints.imap: expected a whole number (1 to 65535), found "143"'],
    ],
    ['server', { ...server, endpoints: { imap: 65_536 } }, ['endpoints.imap: 65536 is out of range (1 to 65535)']],
    [
      'server',
      { ...server, endpoints: { imap: { tls: 'ssl' } } },
      ['endpoints.imap.tls: expected none, opportunistic, starttls, implicit, found "ssl"'],
    ],
    ['server', { ...server, roles: ['mailbox', 'mailbox'] }, ['roles.1: "mailbox" stands in the list twice']],
    ['mailbox', { ...mailbox, aliases: [null] }, ['aliases.0: expected a mail address (ann@contoso.com), found null']],
    ['mailbox', { ...mailbox, aliases: [7] }, ['aliases.0: expected a mail address (ann@contoso.com), found 7']],
    ['mailbox', { ...mailbox, extension: 5000 }, ['extension: expected digits, found 5000']],
    ['mailbox', { ...mailbox, protocols: { imap: 'no' } }, ['protocols.imap: expected true or false, found "no"']],
    ['receive-connector', { name: 'R', tarpit: '11m' }, ['tarpit: "11m" is out of range (0s to 10m)']],
    ['receive-connector', { name: 'R', tarpit: 5 }, ['tarpit: expected a duration (5m, 30s, 500ms), found 5']],
    ['receive-connector', { name: 'R', tarpit: [] }, ['tarpit: expected a duration (5m, 30s, 500ms), found []']],
    [
      'receive-connector',
      { name: 'R', remoteRanges: [''] },
      ['remoteRanges.0: expected an address, a range (10.0.0.1-10.0.0.9) or a network (10.0.0.0/8), found ""'],
    ],
    [
      'filters',
      { agents: [{ name: 'a', module: '/a', settings: 'x'.repeat(70_000) }] },
      ['agents.0.settings: is longer than 65536 characters of JSON'],
    ],
    [
      'filters',
      { blockProviders: [{ name: 'a', zone: 'x.com', match: { mask: 0 } }] },
      ['blockProviders.0.match.mask: 0 is out of range (1 to 255)'],
    ],
    [
      'filters',
      { blockProviders: [{ name: 'a', zone: 'x.com', match: { addresses: [] } }] },
      ['blockProviders.0.match.addresses: needs at least 1 entry'],
    ],
    [
      'filters',
      { blockProviders: [{ name: 'a', zone: 'x.com', match: 'all' }] },
      ['blockProviders.0.match: expected any, {mask: 1 to 255} or {addresses: [127.0.0.2]}, found "all"'],
    ],
    [
      'mailbox',
      { address: 'ann', database: 'DB1' },
      ['address: expected a mail address (ann@contoso.com), found "ann"'],
    ],
    ['mailbox', { address: 'ann@contoso.com' }, ['database: is required']],
  ])('%s %j', (noun, given, expected) => expect(problems(noun, given)).toEqual(expected));

  test('all of it at once', () => {
    expect(problems('link', { name: '', sites: [], cost: 'x', foo: 1 })).toHaveLength(4);
  });

  test('long lists in bounded time', () => {
    const roles = Array.from({ length: 200_000 }, () => 'mailbox');
    const start = performance.now();
    expect(problems('server', { ...server, roles })).toContain('roles: holds at most 2 entries');
    expect(performance.now() - start).toBeLessThan(10_000);
  });
});
