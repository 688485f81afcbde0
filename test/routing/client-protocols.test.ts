import { expect, test } from 'vitest';
import { requestUrl } from '../../src/routing/client-hints.js';
import { serviceOfPath } from '../../src/routing/client-protocols.js';

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
  expect(serviceOfPath(path)).toBe(service);
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
  expect(serviceOfPath(requestUrl(target)?.pathname ?? '')).toBe(service);
});
