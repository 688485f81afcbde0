import { describe, expect, test } from 'vitest';
import { findAnchor, requestUrl } from '../../src/routing/client-hints.js';
import { annGuid, contosoWith } from './contoso.js';

const { topology, directory } = contosoWith({});

interface Asked {
  readonly user?: string;
  readonly url?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

function anchorOf({ user, url, headers }: Asked): {
  rule: string | undefined;
  name: string | undefined;
  missed: string[];
} {
  const request = { user: user ?? null, url: url ?? null, headers: new Map(Object.entries(headers ?? {})) };
  const { entry, hint, missed } = findAnchor(topology, directory, request);
  return { rule: hint?.rule, name: entry?.address.replace(/@.*/, ''), missed: missed.map((miss) => miss.rule) };
}

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
    ['a plus address as login', { user: 'ann+tag@contoso.com' }, ['user'], undefined],
  ];
  test.each(cases)('%s', (_what, asked, missed, rule) => {
    const found = anchorOf(asked);
    expect({ missed: found.missed, rule: found.rule }).toEqual({ missed, rule });
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
