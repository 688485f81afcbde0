import { describe, expect, test } from 'vitest';
import type { ClientRequest } from '../../src/routing/client-hints.js';
import { bodyCanName, findAnchor, hintsOf } from '../../src/routing/client-hints.js';
import type { Service } from '../../src/routing/client-protocols.js';
import { serviceOfPath } from '../../src/routing/client-protocols.js';
import { requestUrl } from '../../src/routing/url-hints.js';
import { annGuid, contosoWith } from './contoso.js';

const { topology, directory } = contosoWith({ httpServices: [{ name: 'dav', path: '/dav' }] });

type Asked = Partial<Omit<ClientRequest, 'headers'>> & { readonly headers?: Readonly<Record<string, string>> };

function requestOf({ headers, ...asked }: Asked): ClientRequest {
  return { user: null, url: null, ...asked, headers: new Map(Object.entries(headers ?? {})) };
}

/** The service of the URL's path, as at the door; EWS where there is none. */
function serviceFor({ url }: Asked): Service {
  const service = serviceOfPath(topology, requestUrl(url ?? null)?.pathname ?? '') ?? serviceOfPath(topology, '/ews');
  if (!service) throw new Error('EWS is always there');
  return service;
}

function anchorOf(asked: Asked): { rule: string | undefined; name: string | undefined; missed: string[] } {
  const { entry, hint, missed } = findAnchor(topology, directory, hintsOf(serviceFor(asked), requestOf(asked)));
  return { rule: hint?.rule, name: entry?.address.replace(/@.*/, ''), missed: missed.map((miss) => miss.rule) };
}

const basic = (user: string): string => `Basic ${Buffer.from(`${user}:secret`).toString('base64')}`;
const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
const bearer = (claims: unknown): string => `Bearer ${part({ alg: 'RS256' })}.${part(claims)}.c2lnbmF0dXJl`;
const form = { 'content-type': 'application/x-www-form-urlencoded' };
const cookies = { session: 'bob@contoso.com', override: 'kim@contoso.com', isRenewalDue: false };
const affinity = { 'x-preferserveraffinity': 'true' };
const pox =
  '<?xml version="1.0"?><Autodiscover><Request><EMailAddress>kim@contoso.com</EMailAddress></Request></Autodiscover>';
const soap =
  '<s:Envelope><s:Body><a:Users><a:User><a:Mailbox>kim@contoso.com</a:Mailbox></a:User></a:Users></s:Body></s:Envelope>';

const anchor = { 'x-anchormailbox': 'kim@contoso.com' };
const folder = { 'x-publicfoldermailbox': 'kim@contoso.com' };
const nobody = 'nobody@contoso.com';

describe('the hint that decides', () => {
  const cases: ReadonlyArray<readonly [what: string, asked: Asked, rule: string, name: string]> = [
    ['the user', { user: 'bob@contoso.com' }, 'user', 'bob'],
    ['an alias of the user', { user: 'ANN.SMITH@contoso.com' }, 'user', 'ann'],
    ['X-AnchorMailbox', { headers: anchor }, 'anchor-mailbox', 'kim'],
    ['X-AnchorMailbox with smtp:', { headers: { 'x-anchormailbox': 'SMTP:kim@contoso.com' } }, 'anchor-mailbox', 'kim'],
    [
      'X-AnchorMailbox with blanks around',
      { headers: { 'x-anchormailbox': '  kim@contoso.com ' } },
      'anchor-mailbox',
      'kim',
    ],
    ['X-PublicFolderMailbox', { headers: folder }, 'public-folder-mailbox', 'kim'],
    ['MailboxId of MAPI as a GUID', { url: `/mapi/emsmdb/?MailboxId=${annGuid}@contoso.com` }, 'mailbox-id', 'ann'],
    [
      'a GUID in capitals',
      { url: `/mapi/emsmdb/?MailboxId=${annGuid.toUpperCase()}@contoso.com` },
      'mailbox-id',
      'ann',
    ],
    ['a GUID without a domain', { url: `/mapi/nspi/?MailboxId=${annGuid}` }, 'mailbox-id', 'ann'],
    ['MailboxId in any case, among others', { url: `/MAPI/emsmdb?a=b&mailboxid=${annGuid}` }, 'mailbox-id', 'ann'],
    ['MailboxId as an address', { url: '/mapi/emsmdb/?MailboxId=kim@contoso.com' }, 'mailbox-id', 'kim'],
    ['the mailbox of an RPC address', { url: `/rpc/rpcproxy.dll?${annGuid}@contoso.com:6001` }, 'mailbox-id', 'ann'],
    ['the same, escaped', { url: `/rpc/rpcproxy.dll?${annGuid}%40contoso.com%3A6002` }, 'mailbox-id', 'ann'],
    ['the same without a port', { url: '/rpc/rpcproxy.dll?kim@contoso.com' }, 'mailbox-id', 'kim'],
    ['explicit logon at OWA', { url: '/owa/kim@contoso.com/' }, 'explicit-logon', 'kim'],
    ['explicit logon at ECP, deeper', { url: '/ecp/kim@contoso.com/options?x=y' }, 'explicit-logon', 'kim'],
    ['explicit logon without a final slash', { url: '/OWA/kim@contoso.com' }, 'explicit-logon', 'kim'],
    ['explicit logon with %40', { url: '/owa/kim%40contoso.com/' }, 'explicit-logon', 'kim'],
    [
      'User of ActiveSync',
      { url: '/Microsoft-Server-ActiveSync?User=CONTOSO%5Ckim&DeviceId=1' },
      'activesync-user',
      'kim',
    ],
    [
      'the mailbox id before the headers',
      { url: '/mapi/?MailboxId=bob@contoso.com', headers: anchor, user: 'ann' },
      'mailbox-id',
      'bob',
    ],
    [
      'explicit logon before the headers',
      { url: '/owa/bob@contoso.com/', headers: anchor, user: 'ann' },
      'explicit-logon',
      'bob',
    ],
    [
      'the public folder before the anchor',
      { headers: { ...folder, 'x-anchormailbox': 'bob@contoso.com' }, user: 'ann' },
      'public-folder-mailbox',
      'kim',
    ],
    ['the anchor before the user', { headers: anchor, user: 'ann@contoso.com' }, 'anchor-mailbox', 'kim'],
    [
      'User of ActiveSync before the login',
      { url: '/microsoft-server-activesync?user=kim', user: 'ann' },
      'activesync-user',
      'kim',
    ],
    ['the override cookie with affinity', { url: '/owa/', headers: affinity, cookies }, 'override-cookie', 'kim'],
    [
      'the override cookie before explicit logon and the anchor',
      { url: '/owa/ann@contoso.com/', headers: { ...affinity, 'x-anchormailbox': 'ann@contoso.com' }, cookies },
      'override-cookie',
      'kim',
    ],
    ['the override cookie without affinity is nobody', { url: '/owa/', cookies }, 'session-cookie', 'bob'],
    ['affinity in another case', { headers: { 'x-preferserveraffinity': 'True' }, cookies }, 'override-cookie', 'kim'],
    ['affinity refused', { headers: { 'x-preferserveraffinity': 'false' }, cookies }, 'session-cookie', 'bob'],
    ['Basic credentials', { headers: { authorization: basic('kim@contoso.com') } }, 'user', 'kim'],
    ['Basic credentials with a domain', { headers: { authorization: basic('CONTOSO\\kim') } }, 'user', 'kim'],
    ['the login before Basic credentials', { user: 'ann', headers: { authorization: basic('kim') } }, 'user', 'ann'],
    ['smtp of a token', { headers: { authorization: bearer({ smtp: 'kim@contoso.com' }) } }, 'bearer-token', 'kim'],
    [
      'upn of a token before its e-mail address',
      { headers: { authorization: bearer({ email: 'bob@contoso.com', upn: 'kim@contoso.com' }) } },
      'bearer-token',
      'kim',
    ],
    [
      'the anchor before a token',
      { headers: { ...anchor, authorization: bearer({ upn: 'bob@contoso.com' }) } },
      'anchor-mailbox',
      'kim',
    ],
    [
      'a login at OWA',
      { url: '/owa/auth.owa', headers: form, body: 'flags=0&username=CONTOSO%5Ckim&password=x' },
      'forms-login',
      'kim',
    ],
    [
      'a login at ECP, whole URL and query',
      { url: 'https://mail.contoso.com/ecp/auth/logon.aspx?replaceCurrent=1', headers: form, body: 'username=kim' },
      'forms-login',
      'kim',
    ],
    [
      'a new login before a remembered one',
      { url: '/owa/auth.owa', headers: form, body: 'username=kim%40contoso.com', cookies },
      'forms-login',
      'kim',
    ],
    [
      'a login at a service of the administrator',
      { url: '/dav/?_task=login', headers: form, body: '_token=1&_user=kim@contoso.com&_pass=x' },
      'forms-login',
      'kim',
    ],
    [
      'the mailbox of Autodiscover',
      { url: '/autodiscover/autodiscover.xml', body: pox },
      'autodiscover-address',
      'kim',
    ],
    ['the same in SOAP', { url: '/Autodiscover/Autodiscover.svc', body: soap }, 'autodiscover-address', 'kim'],
    [
      'Basic credentials before the body of Autodiscover',
      { url: '/autodiscover/autodiscover.xml', headers: { authorization: basic('ann') }, body: pox },
      'user',
      'ann',
    ],
    [
      'the address in the path of Autodiscover in JSON',
      { url: '/autodiscover/autodiscover.json/v1.0/kim@contoso.com?Protocol=EWS' },
      'autodiscover-address',
      'kim',
    ],
    [
      'the address in its query',
      { url: '/autodiscover/autodiscover.json?Email=kim%40contoso.com&Protocol=EWS' },
      'autodiscover-address',
      'kim',
    ],
    ['the session cookie', { url: '/owa/', cookies }, 'session-cookie', 'bob'],
    ['explicit logon before the session cookie', { url: '/owa/kim@contoso.com/', cookies }, 'explicit-logon', 'kim'],
    ['the login before the session cookie', { user: 'ann', cookies }, 'user', 'ann'],
  ];
  test.each(cases)('%s', (_what, asked, rule, name) => {
    expect(anchorOf(asked)).toEqual({ rule, name, missed: [] });
  });
});

describe('hints that lead nowhere are passed over', () => {
  const cases: ReadonlyArray<
    readonly [what: string, asked: Asked, missed: readonly string[], rule: string | undefined]
  > = [
    ['an unknown anchor', { headers: { 'x-anchormailbox': nobody }, user: 'ann' }, ['anchor-mailbox'], 'user'],
    [
      'a group as anchor',
      { headers: { 'x-anchormailbox': 'all@contoso.com' }, user: 'ann' },
      ['anchor-mailbox'],
      'user',
    ],
    [
      'a contact as anchor',
      { headers: { 'x-anchormailbox': 'friend@contoso.com' }, user: 'ann' },
      ['anchor-mailbox'],
      'user',
    ],
    [
      'a server as anchor',
      { headers: { 'x-anchormailbox': 'ServerInfo~MBX3.contoso.com' }, user: 'ann' },
      ['anchor-mailbox'],
      'user',
    ],
    [
      'an anchor of 2000 characters',
      { headers: { 'x-anchormailbox': `${'k'.repeat(2000)}@contoso.com` }, user: 'ann' },
      ['anchor-mailbox'],
      'user',
    ],
    [
      'an unknown GUID',
      { url: '/mapi/?MailboxId=00000000-0000-0000-0000-000000000000@contoso.com', user: 'ann' },
      ['mailbox-id'],
      'user',
    ],
    [
      'an RPC address with more after the port',
      { url: '/rpc/rpcproxy.dll?kim@contoso.com:6001:x', user: 'ann' },
      [],
      'user',
    ],
    ['an RPC address with a word for a port', { url: '/rpc/rpcproxy.dll?kim@contoso.com:x', user: 'ann' }, [], 'user'],
    ['MailboxId outside of MAPI', { url: '/owa/?MailboxId=kim@contoso.com', user: 'ann' }, [], 'user'],
    ['explicit logon outside of OWA and ECP', { url: '/ews/kim@contoso.com/', user: 'ann' }, [], 'user'],
    ['explicit logon below a folder', { url: '/owa/x/kim@contoso.com/', user: 'ann' }, [], 'user'],
    ['a stray percent sign', { url: '/owa/k%im@contoso.com/', user: 'ann' }, ['explicit-logon'], 'user'],
    [
      'all unknown',
      { url: `/owa/${nobody}/`, headers: { 'x-anchormailbox': nobody }, user: 'x' },
      ['explicit-logon', 'anchor-mailbox', 'user'],
      undefined,
    ],
    ['nothing at all', {}, [], undefined],
    ['empty ones', { url: '', user: '', headers: { 'x-anchormailbox': ' ' } }, [], undefined],
    [
      'a login elsewhere in OWA',
      { url: '/owa/service.svc', headers: form, body: 'username=kim', cookies },
      [],
      'session-cookie',
    ],
    ['a login that is no form', { url: '/owa/auth.owa', body: 'username=kim', cookies }, [], 'session-cookie'],
    [
      'a login that is not posted',
      { url: '/owa/auth.owa', method: 'PUT', headers: form, body: 'username=kim', cookies },
      [],
      'session-cookie',
    ],
    ['a posted form at EWS', { headers: form, body: 'username=kim', cookies }, [], 'session-cookie'],
    [
      'an unknown posted user',
      { url: '/owa/auth.owa', headers: form, body: 'username=nobody', cookies },
      ['forms-login'],
      'session-cookie',
    ],
    [
      'Autodiscover for nobody',
      { url: '/autodiscover/', body: pox.replace('kim', 'x') },
      ['autodiscover-address'],
      undefined,
    ],
    ['a token for nobody', { headers: { authorization: bearer({ upn: nobody }) } }, ['bearer-token'], undefined],
    ['an address that is no claim', { headers: { authorization: bearer({ sub: 'kim@contoso.com' }) } }, [], undefined],
    [
      'cookies of mailboxes that are gone',
      { headers: affinity, cookies: { session: nobody, override: nobody, isRenewalDue: false } },
      ['override-cookie', 'session-cookie'],
      undefined,
    ],
    ['explicit logon at another service', { url: '/dav/kim@contoso.com/', user: 'ann' }, [], 'user'],
    ['a plus address as login', { user: 'ann+tag@contoso.com' }, ['user'], undefined],
  ];
  test.each(cases)('%s', (_what, asked, missed, rule) => {
    const found = anchorOf(asked);
    expect({ missed: found.missed, rule: found.rule }).toEqual({ missed, rule });
  });
});

describe('IMAP and POP', () => {
  test('have the login alone', () => {
    const request = requestOf({ user: 'ann', url: '/owa/bob@contoso.com/', headers: anchor, cookies });
    expect(hintsOf(null, request)).toEqual([{ rule: 'user', value: 'ann' }]);
    expect(hintsOf(null, requestOf({ headers: anchor }))).toEqual([]);
  });
});

describe('whether the body is read before a request is routed', () => {
  const cases: ReadonlyArray<readonly [what: string, asked: Asked, isRead: boolean]> = [
    ['a login at OWA', { url: '/owa/auth.owa', method: 'POST', headers: form }, true],
    ['the same with a remembered session', { url: '/owa/auth.owa', method: 'POST', headers: form, cookies }, true],
    [
      'a charset',
      { url: '/owa/auth.owa', method: 'POST', headers: { 'content-type': `${form['content-type']}; charset=utf-8` } },
      true,
    ],
    ['a login at ECP', { url: '/ecp/auth/logon.aspx?x=y', method: 'POST', headers: form }, true],
    ['a page of OWA', { url: '/owa/service.svc?action=auth.owa', method: 'POST', headers: form }, false],
    ['JSON', { url: '/owa/auth.owa', method: 'POST', headers: { 'content-type': 'application/json' } }, false],
    ['no content type', { url: '/owa/auth.owa', method: 'POST' }, false],
    ['GET', { url: '/owa/auth.owa', method: 'GET', headers: form }, false],
    ['a form for a further service', { url: '/dav/x', method: 'POST', headers: form }, true],
    ['an upload to a further service', { url: '/dav/x', method: 'PUT', headers: form }, false],
    ['Autodiscover', { url: '/autodiscover/autodiscover.xml', method: 'POST' }, true],
    ['Autodiscover by GET', { url: '/autodiscover/autodiscover.json', method: 'GET' }, false],
    ['Autodiscover of somebody who may be unknown', { url: '/autodiscover/', method: 'POST', user: 'x' }, true],
    ['where a signed cookie leads', { url: '/autodiscover/', method: 'POST', headers: affinity, cookies }, false],
    ['EWS', { url: '/ews/exchange.asmx', method: 'POST', headers: form }, false],
    ['ActiveSync', { url: '/microsoft-server-activesync', method: 'POST', headers: form }, false],
  ];
  test.each(cases)('%s', (_what, asked, isRead) => {
    const service = serviceFor(asked);
    const request = requestOf(asked);
    expect(bodyCanName(service, request, hintsOf(service, request))).toBe(isRead);
  });
});

describe('the target of a request', () => {
  test.each([
    [null, '/'],
    ['/owa/', '/owa/'],
    ['/owa/../ecp/', '/ecp/'],
    ['/owa/%2e%2e/ecp/', '/ecp/'],
    ['/owa/..%2fecp/', '/owa/..%2fecp/'],
    ['//evil.example/owa', '//evil.example/owa'],
    ['https://mail.contoso.com/owa/', '/owa/'],
    ['https://mail.contoso.com', '/'],
    ['*', undefined],
    ['owa', undefined],
    ['', undefined],
    ['http://', undefined],
  ])('%s has the path %s', (target, path) => {
    expect(requestUrl(target)?.pathname).toBe(path);
  });
});
