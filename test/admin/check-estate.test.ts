import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { beforeAll, describe, expect, test } from 'vitest';
import type { EstateFinding } from '../../src/admin/check-estate.js';
import { checkEstate, findingText } from '../../src/admin/check-estate.js';
import { makeCertificate } from '../net/make-certificate.js';
import { apply, scratchStore, storePath } from '../support/scratch-store.js';
import { tempDir } from '../support/temp-dir.js';

type Estate = Readonly<Record<string, readonly object[] | object>>;

// A minute ahead: certificates made by the tests begin at the time they are made.
const now = new Date(Date.now() + 60_000);
const site = { name: 'A' };
const frontEnd = { name: 'FE1', host: 'mail.contoso.com', site: 'A', roles: ['frontend'] };
const server = (name: string, given: object = {}) => ({ name, site: 'A', ...given });
const state = (component: string, state: string) => ({ component, requester: 'maintenance', state });
const connector = (name: string, given: object = {}) => ({ name, sources: ['MBX1'], ...given });
const contoso = { name: 'contoso.com', type: 'authoritative' };
const database = { name: 'DB1', copies: ['MBX1'] };

/** An estate that nothing is wrong or odd in, with what is given instead of its own. */
const sound = (given: Estate = {}): Estate => ({
  organization: { defaultDomain: 'contoso.com' },
  sites: [site],
  servers: [frontEnd, server('MBX1')],
  databases: [database],
  domains: [contoso],
  mailboxes: [{ address: 'ann@contoso.com', database: 'DB1' }],
  ...given,
});

function check(estate: Estate): EstateFinding[] {
  const store = scratchStore();
  apply(store, { estate: 1, ...estate });
  return checkEstate(store, now);
}

const brief = ({ severity, code, object, path }: EstateFinding): string =>
  `${severity} ${code} ${object} ${path}`.trim();
const serverOut = { servers: [frontEnd, server('MBX1', { components: [state('server-wide', 'inactive')] })] };

/** Each row: what the estate is, the estate, and its findings. */
const rows: ReadonlyArray<readonly [title: string, estate: Estate, findings: readonly string[]]> = [
  ['an estate in order', sound(), []],
  ['nothing at all', {}, []],
  [
    'a finding of the topology',
    sound({ sites: [{ name: 'A' }, { name: 'B' }], links: [{ name: 'L', sites: ['A', 'B'] }], dags: [{ name: 'D' }] }),
    ['warning dag-without-members dag "D"'],
  ],

  [
    'two connectors of which one always comes first, by name',
    sound({ sendConnectors: [connector('S'), connector('R')] }),
    ['warning send-connector-shadowed send-connector "S" addressSpaces'],
  ],
  [
    'by cost',
    sound({ sendConnectors: [connector('R', { addressSpaces: ['*;2'] }), connector('S', { addressSpaces: ['*'] })] }),
    ['warning send-connector-shadowed send-connector "R" addressSpaces'],
  ],
  [
    'not where it takes larger messages',
    sound({ sendConnectors: [connector('R', { maxMessageSize: '1MB' }), connector('S')] }),
    [],
  ],
  [
    'not where one of its address spaces is its own',
    sound({ sendConnectors: [connector('R'), connector('S', { addressSpaces: ['*', '*.fabrikam.com'] })] }),
    [],
  ],
  [
    'address spaces that several connectors take together',
    sound({
      sendConnectors: [
        connector('A', { addressSpaces: ['x.com'] }),
        connector('B', { addressSpaces: ['*.y.com'] }),
        connector('C', { addressSpaces: ['X.com;3', '*.Y.com;2'] }),
      ],
    }),
    ['warning send-connector-shadowed send-connector "C" addressSpaces'],
  ],
  [
    'not where its own sources are nearer',
    sound({
      sites: [site, { name: 'B' }],
      links: [{ name: 'AB', sites: ['A', 'B'] }],
      servers: [frontEnd, server('MBX1'), { ...frontEnd, name: 'FE2', site: 'B' }, server('MBX2', { site: 'B' })],
      sendConnectors: [connector('R'), connector('S', { sources: ['MBX2'] })],
    }),
    [],
  ],
  [
    'not where the other one is off',
    sound({ sendConnectors: [connector('R', { enabled: false }), connector('S')] }),
    [],
  ],

  [
    'an external relay domain that no connector takes',
    sound({
      domains: [contoso, { name: 'x.com', type: 'external-relay' }],
      sendConnectors: [connector('S', { addressSpaces: ['y.com', 'sub.x.com'] })],
    }),
    ['warning relay-domain-without-connector domain "x.com" type'],
  ],
  [
    'external relay domains that one takes',
    sound({
      domains: [contoso, { name: 'sub.x.com', type: 'external-relay' }, { name: 'x.com', type: 'external-relay' }],
      sendConnectors: [connector('S', { addressSpaces: ['*.x.com'] })],
    }),
    [],
  ],

  [
    'a database on a server that is out of service',
    sound(serverOut),
    ['warning active-server-out-of-service database "DB1" active'],
  ],
  [
    'the same where a component drains',
    sound({ servers: [frontEnd, server('MBX1', { components: [state('imap', 'draining')] })] }),
    ['warning active-server-out-of-service database "DB1" active'],
  ],
  [
    'a connector and a group whose servers are out of service',
    sound({
      ...serverOut,
      databases: [],
      mailboxes: [],
      sendConnectors: [connector('S')],
      groups: [{ address: 'all@contoso.com', expansionServer: 'MBX1' }],
    }),
    [
      'warning sources-out-of-service send-connector "S" sources',
      'warning expansion-server-out-of-service group "all@contoso.com" expansionServer',
    ],
  ],
  [
    'an expansion server that is no mailbox server',
    sound({ groups: [{ address: 'all@contoso.com', expansionServer: 'FE1' }] }),
    ['warning expansion-server-no-mailbox-server group "all@contoso.com" expansionServer'],
  ],
  [
    'a group where servers take mail for their own mailboxes only',
    sound({ servers: [frontEnd, server('MBX1', { accepts: 'own' })], groups: [{ address: 'all@contoso.com' }] }),
    ['warning no-general-server site "A"'],
  ],
  [
    'TLS doors without a certificate',
    sound({ receiveConnectors: [{ name: 'In' }] }),
    ['warning self-signed-certificate server "FE1" host'],
  ],
  [
    'doors without TLS',
    sound({
      receiveConnectors: [{ name: 'In', auth: ['none'] }],
      listeners: [{ name: 'H', protocol: 'http', bind: '0.0.0.0:80' }],
    }),
    [],
  ],
];

describe('check of', () => {
  test.each(rows)('%s', (_title, estate, expected) => {
    const findings = check(estate);
    expect(findings.map(brief)).toEqual(expected);
    for (const { message } of findings) expect(message).toMatch(/^\S.*\S$/);
  });
});

describe('certificate files', () => {
  const folder = tempDir('certificates');
  const file = (name: string): string => join(folder, name);
  beforeAll(async () => {
    for (const name of ['mail.contoso.com', 'other.contoso.com']) {
      const { cert, key } = await makeCertificate([name]);
      writeFileSync(file(`${name}.pem`), cert);
      writeFileSync(file(`${name}.key`), key);
    }
    writeFileSync(file('text.pem'), 'no certificate\n');
  });

  const estateWith = (certFile: string, keyFile: string): Estate =>
    sound({
      certificates: [{ name: 'C', certFile: file(certFile), keyFile: file(keyFile) }],
      listeners: [{ name: 'IMAPS', protocol: 'imap', bind: '0.0.0.0:993', tls: 'implicit' }],
    });
  const selfSigned = 'warning self-signed-certificate server "FE1" host';

  test.each([
    ['that fit', 'mail.contoso.com.pem', 'mail.contoso.com.key', []],
    ['for another name', 'other.contoso.com.pem', 'other.contoso.com.key', [selfSigned]],
    [
      'of which one is not there',
      'mail.contoso.com.pem',
      'none.key',
      ['error certificate-unreadable certificate "C" keyFile', selfSigned],
    ],
    [
      'of which one is a folder',
      '.',
      'mail.contoso.com.key',
      ['error certificate-unreadable certificate "C" certFile', selfSigned],
    ],
    [
      'that hold something else',
      'text.pem',
      'mail.contoso.com.key',
      ['error certificate-unusable certificate "C" certFile', selfSigned],
    ],
    [
      'without a key',
      'mail.contoso.com.pem',
      'text.pem',
      ['error certificate-unusable certificate "C" keyFile', selfSigned],
    ],
    [
      'that are of two pairs',
      'mail.contoso.com.pem',
      'other.contoso.com.key',
      ['error certificate-mismatch certificate "C" keyFile', selfSigned],
    ],
  ])('%s', (_title, certFile, keyFile, expected) => {
    expect(check(estateWith(certFile, keyFile)).map(brief)).toEqual(expected);
  });

  test('that listeners and send connectors name are looked at too', () => {
    const none = file('none.pem');
    const connector = { name: 'Out', sources: ['MBX1'], smartHosts: ['relay.example'], tls: 'verify' };
    const findings = check(
      sound({
        listeners: [{ name: 'SIPS', protocol: 'sip', bind: '0.0.0.0:5061', tls: 'implicit', clientCa: none }],
        sendConnectors: [{ ...connector, ca: file('text.pem'), auth: { user: 'u', passwordFile: none } }],
      }),
    );
    const told = findings.filter(({ code }) => code === 'file-unreadable');
    expect(told.map(brief)).toEqual([
      'error file-unreadable listener "SIPS" clientCa',
      'warning file-unreadable send-connector "Out" auth.passwordFile',
    ]);
    for (const { message } of told) expect(message).toContain(none);
  });

  test('are told of before and after the time of the certificate', () => {
    const store = scratchStore();
    apply(store, { estate: 1, ...estateWith('mail.contoso.com.pem', 'mail.contoso.com.key') });
    const codesAt = (days: number): string[] =>
      checkEstate(store, new Date(now.getTime() + days * 86_400_000)).map(
        ({ severity, code }) => `${severity} ${code}`,
      );
    expect(codesAt(-3)).toEqual(['warning certificate-not-yet-valid']);
    expect(codesAt(360)).toEqual(['warning certificate-expires-soon']);
    expect(codesAt(4000)).toEqual(['warning certificate-expired']);
  });
});

describe('the whole directory', () => {
  test('mailboxes in domains that are not accepted, by domain, with how many and the first five', () => {
    const address = (local: string, domain: string) => ({ address: `${local}@${domain}`, database: 'DB1' });
    const findings = check(
      sound({
        domains: [contoso, { name: 'wide.com', type: 'authoritative', matchSubdomains: true }],
        mailboxes: [
          address('ann', 'contoso.com'),
          address('"a@b"', 'contoso.com'),
          address('"x@contoso.com"', 'one.com'),
          address('ann', 'deep.wide.com'),
          ...['a', 'b', 'c', 'd', 'e', 'f', 'g'].map((local) => address(local, 'Seven.com')),
          { ...address('bob', 'contoso.com'), aliases: ['bob@seven.com'] },
        ],
        contacts: [{ address: 'kim@contoso.com', target: 'kim@fabrikam.com' }],
      }),
    );
    expect(findings.map(brief).sort()).toEqual([
      'warning mailbox-in-foreign-domain mailbox ""x@contoso.com"@one.com" address',
      'warning mailbox-in-foreign-domain mailbox "a@Seven.com" address',
    ]);
    const seven = findings.find(({ object }) => object.includes('Seven'));
    expect(seven?.message).toContain(
      '(7 other addresses of mailboxes are too: b@Seven.com, c@Seven.com, d@Seven.com, e@Seven.com, ...)',
    );
  });

  test('more domains than are shown are counted', () => {
    const mailboxes = Array.from({ length: 105 }, (_, index) => ({ address: `ann@d${index}.com`, database: 'DB1' }));
    const findings = check(sound({ mailboxes }));
    expect(findings).toHaveLength(101);
    expect(findings.at(-1)).toMatchObject({ code: 'further-foreign-domains' });
    expect(findings.at(-1)?.message).toContain('5 further addresses');
  });

  test('mailboxes whose database is gone, in a store that somebody edited', () => {
    const path = storePath();
    const store = scratchStore(path);
    const addresses = ['ann', 'bob', 'cyd', 'dan', 'eve', 'fay', 'gil'].map((local) => `${local}@contoso.com`);
    const mailboxes = addresses.map((address, index) => ({ address, database: index === 0 ? 'DB1' : 'Db2' }));
    apply(store, { estate: 1, ...sound({ databases: [database, { ...database, name: 'DB2' }], mailboxes }) });
    const damaging = new Database(path);
    damaging.pragma('foreign_keys = OFF');
    damaging.exec("DELETE FROM database_copies WHERE database = 'DB2'; DELETE FROM database WHERE name = 'DB2'");
    damaging.close();
    const findings = checkEstate(store, now);
    expect(findings.map(brief)).toEqual(['error mailbox-without-database mailbox "bob@contoso.com" database']);
    const [text] = findings.map(findingText);
    expect(text).toMatch(
      /^error: mailbox "bob@contoso\.com": database: there is no database "DB2" \(5 other mailboxes/,
    );
    expect(text).toContain('cyd@contoso.com, dan@contoso.com, eve@contoso.com, fay@contoso.com, ...)');
  });
});

test('a change tells what it makes odd, and not what the estate still lacks or what this machine has', () => {
  const store = scratchStore();
  apply(store, { estate: 1, ...sound() });
  const { warnings } = apply(store, {
    estate: 1,
    dags: [{ name: 'D' }],
    sendConnectors: [connector('R'), connector('S')],
    certificates: [{ name: 'C', certFile: '/none.pem', keyFile: '/none.key' }],
  });
  expect(warnings.map(({ code, object }) => `${code} ${object}`)).toEqual([
    'send-connector-shadowed send-connector "S"',
  ]);
  expect(warnings[0]?.message).toMatch(/^can never be chosen: .* R comes first/);
});
