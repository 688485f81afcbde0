import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { applyEstate } from '../../src/admin/apply.js';
import type { Answer, ClientFlags } from '../../src/admin/test-routing.js';
import { storedEstate, testClientRouting } from '../../src/admin/test-routing.js';
import { makeRouteCookie, routeCookieNames } from '../../src/routing/route-cookie.js';
import type { Store } from '../../src/store/store.js';
import { openStore } from '../../src/store/store.js';
import { smallEstate } from '../cli/estates.js';

let store: Store;
beforeEach(() => {
  store = openStore(':memory:', { purpose: 'write' });
  const meta = { actor: 'test', command: 'apply', message: null };
  applyEstate(store, { text: JSON.stringify(smallEstate), fileName: 'estate.json', prune: false }, meta, {});
});
afterEach(() => store.close());

function ask(flags: Partial<ClientFlags>): Answer {
  const nothing = { on: undefined, down: [], protocol: undefined, user: undefined, url: undefined, headers: [] };
  return testClientRouting(storedEstate(store, undefined), { ...nothing, ...flags });
}

const rules = ({ trace }: Answer): string[] => trace.map(({ rule }) => rule);
const { session, override } = routeCookieNames;

describe('route cookies', () => {
  const cookieOf = (name: string, key: Buffer | undefined, atMs = Date.now()): string =>
    `Cookie: ${name}=${makeRouteCookie('cyd@contoso.com', key ?? Buffer.alloc(32), atMs)}`;

  test('are checked with the keys of the store, the one before too', () => {
    const [first] = store.routeKeys();
    const header = cookieOf(session, first);
    const before = ask({ url: '/owa/', headers: [header] });
    expect(before).toMatchObject({ outcome: 'proxy', targets: [{ server: 'MBX3' }] });
    expect(rules(before)).toContain('anchor/session-cookie');
    store.change({ actor: 'test', command: 'test', message: null }, {}, (change) => change.renewRouteKey());
    expect(store.routeKeys()).toHaveLength(2);
    expect(rules(ask({ url: '/owa/', headers: [header] }))).toContain('anchor/session-cookie');
    store.change({ actor: 'test', command: 'test', message: null }, {}, (change) => change.renewRouteKey());
    expect(rules(ask({ url: '/owa/', headers: [header] }))).toContain('anchor/none');
  });

  test('are nobody when another key signed them', () => {
    expect(rules(ask({ url: '/owa/', headers: [cookieOf(session, undefined)] }))).toContain('anchor/none');
  });

  test('keep a client where it is that asks for affinity, and are renewed in time', () => {
    const [key] = store.routeKeys();
    const asking = ['X-PreferServerAffinity: true', 'X-AnchorMailbox: ann@contoso.com', 'Cookie: a=b'];
    const fresh = rules(ask({ protocol: 'ews', headers: [...asking, cookieOf(override, key)] }));
    expect(fresh).toContain('anchor/override-cookie');
    expect(fresh).not.toContain('route-cookie/override');
    const old = ask({ protocol: 'ews', headers: [...asking, cookieOf(override, key, Date.now() - 600_000)] });
    expect(rules(old)).toStrictEqual(expect.arrayContaining(['anchor/override-cookie', 'route-cookie/override']));
    expect(rules(ask({ protocol: 'ews', headers: asking }))).toContain('route-cookie/override');
  });
});

test('an answer holds nothing beyond the decision', () => {
  const answer = ask({ protocol: 'owa', user: 'cyd@contoso.com' });
  expect(answer).not.toHaveProperty('mailbox');
  expect(answer).not.toHaveProperty('hint');
});

test('the front page is a page of OWA', () => {
  expect(ask({ url: 'https://mail.contoso.com' })).toMatchObject({ outcome: 'redirect', location: '/owa' });
  expect(ask({ url: '/', method: 'post' })).toMatchObject({ outcome: 'reject', reply: { code: 404 } });
});
