import { describe, expect, test } from 'vitest';
import { clientProtocolNames, protocolNamed, serviceOfPath } from '../../src/routing/client-protocols.js';
import { requestUrl } from '../../src/routing/url-hints.js';
import { contosoWith } from './contoso.js';

const { topology } = contosoWith({});

test.each([
  ['/owa', 'owa'],
  ['/owa/', 'owa'],
  ['/OWA/auth.aspx', 'owa'],
  ['/owa?x=y', 'owa'],
  ['/owa;x', 'owa'],
  ['/ecp/', 'ecp'],
  ['/EWS/Exchange.asmx', 'ews'],
  ['/Microsoft-Server-ActiveSync', 'eas'],
  ['/microsoft-server-activesync/default.eas?Cmd=Ping', 'eas'],
  ['/mapi/emsmdb/', 'mapi'],
  ['/rpc/rpcproxy.dll', 'rpc'],
  ['/OAB/1/oab.xml', 'oab'],
  ['/Autodiscover/Autodiscover.xml', 'autodiscover'],
  ['/PowerShell', 'powershell'],
  ['/owax', undefined],
  ['/owa-x/', undefined],
  ['/owa.x', undefined],
  ['/owa%2f', undefined],
  ['/%6fwa/', undefined],
  ['/rpcwithcert/rpcproxy.dll', undefined],
  ['/microsoft-server-activesyncx', undefined],
  ['/x/owa/', undefined],
  ['//owa/', undefined],
  ['owa/', undefined],
  ['/', undefined],
  ['', undefined],
] as const)('the path %s belongs to %s', (path, service) => {
  expect(serviceOfPath(topology, path)?.name).toBe(service);
});

test.each([
  ['/owa/../ecp/', 'ecp'],
  ['/ecp/./../owa', 'owa'],
  ['/../../owa/', 'owa'],
  ['/owa/%2E%2e/ews/exchange.asmx', 'ews'],
  ['/owa\\..\\ecp', 'ecp'],
  ['/owa/..', undefined],
  ['/x/..//owa/', undefined],
] as const)('the target %s, its dots taken out, belongs to %s', (target, service) => {
  expect(serviceOfPath(topology, requestUrl(target)?.pathname ?? '')?.name).toBe(service);
});

describe('services that the administrator names', () => {
  const further = contosoWith({
    httpServices: [
      { name: 'dav', path: '/dav', timeout: 90_000 },
      { name: 'Calendars', path: '/dav/Cal', port: 8443 },
      { name: 'deep', path: '/apps/one/two' },
    ],
  }).topology;

  test.each([
    ['/dav', 'dav'],
    ['/DAV/x?y', 'dav'],
    ['/dav?x', 'dav'],
    ['/dav;x', 'dav'],
    ['/davx', undefined],
    ['/dav/cal', 'Calendars'],
    ['/dav/CAL/ann/', 'Calendars'],
    ['/dav/cal;x', 'Calendars'],
    ['/dav/calendar', 'dav'],
    ['/dav//cal', 'dav'],
    ['/apps', undefined],
    ['/apps/one', undefined],
    ['/apps/one/two/three', 'deep'],
    ['/apps/one/twox', undefined],
    ['/owa/dav', 'owa'],
    [`/${'d'.repeat(5000)}`, undefined],
  ])('the path %s belongs to %s', (path, service) => {
    expect(serviceOfPath(further, path)?.name).toBe(service);
    expect(serviceOfPath(topology, path)?.name).toBe(service === 'owa' ? 'owa' : undefined);
  });

  test('have components, port and patience of their own', () => {
    expect(serviceOfPath(further, '/dav')).toEqual({
      name: 'dav',
      path: '/dav',
      component: 'dav',
      proxyComponent: 'dav-proxy',
      port: null,
      silenceTimeoutMs: 90_000,
      isBuiltIn: false,
    });
    expect(serviceOfPath(further, '/dav/cal/')).toMatchObject({ port: 8443, path: '/dav/cal' });
  });

  test('are found by their names, as built-in ones are', () => {
    expect(clientProtocolNames(further)).toContain('Calendars');
    expect(protocolNamed(further, 'calendars')).toBe(serviceOfPath(further, '/dav/cal'));
    expect(protocolNamed(further, 'owa')).toBe(serviceOfPath(further, '/owa'));
    expect(protocolNamed(further, 'imap')).toBe('imap');
    expect(protocolNamed(topology, 'dav')).toBeUndefined();
  });
});

test('long polls of an hour outlast no silence', () => {
  for (const path of ['/owa', '/ews', '/microsoft-server-activesync', '/mapi', '/rpc']) {
    expect(serviceOfPath(topology, path)?.silenceTimeoutMs).toBeGreaterThan(3_600_000);
  }
  expect(serviceOfPath(topology, '/oab')?.silenceTimeoutMs).toBe(300_000);
});
