import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { flagName } from '../../src/cli/noun-flags.js';
import { catalogue } from '../../src/topology/catalogue/catalogue.js';
import type { FieldType, NounName } from '../../src/topology/fields.js';
import { smallEstate } from '../cli/estates.js';
import { createProgram, expectFailure, type Program } from '../cli/program.js';

type Flags = Readonly<Record<string, string>>;

interface NounCase {
  readonly noun: NounName;
  readonly name: string;
  /** Values for the fields that any value will not do for; the others get one by their type. */
  readonly flags: Flags;
  /** Fields that have no place beside the others; they are left alone. */
  readonly without?: readonly string[];
}

const cases: readonly NounCase[] = [
  { noun: 'site', name: 'Rome', flags: {} },
  { noun: 'link', name: 'PB2', flags: { sites: 'Paris,Berlin' } },
  { noun: 'dag', name: 'DAG2', flags: {} },
  {
    noun: 'server',
    name: 'MBX8',
    flags: { site: 'Paris', dag: 'DAG1', host: 'mbx8.fabrikam.com', roles: 'mailbox,frontend' },
  },
  { noun: 'database', name: 'DB8', flags: { copies: 'MBX2,MBX1', active: 'MBX1' } },
  {
    noun: 'mailbox',
    name: 'zoe@contoso.com',
    flags: {
      aliases: 'z@contoso.com',
      database: 'DB2',
      guid: '5b1c9e70-1f6e-4f0e-9a53-0c8d4f7a2b11',
      extension: '4711',
      dialPlan: 'DP1',
    },
  },
  {
    noun: 'group',
    name: 'all@contoso.com',
    flags: { members: 'ann@contoso.com,bob@contoso.com', expansionServer: 'MBX1' },
  },
  { noun: 'contact', name: 'ext@contoso.com', flags: { target: 'ext@fabrikam.com' } },
  { noun: 'domain', name: 'fabrikam.com', flags: { type: 'internal-relay', validateRecipients: 'true' } },
  {
    noun: 'receive-connector',
    name: 'Partners',
    flags: {
      server: 'FE1',
      bindings: '127.0.0.1:2500,[::1]:2500',
      remoteRanges: '10.0.0.0/8',
      banner: '220 welcome',
      inactivityTimeout: '5s',
      certificate: 'mail',
      proxyPeers: '10.0.0.1',
      xclientPeers: '10.0.0.2',
    },
  },
  {
    noun: 'listener',
    name: 'HTTPS',
    flags: {
      server: 'FE1',
      protocol: 'http',
      bind: '127.0.0.1:993',
      tls: 'implicit',
      transport: 'tcp',
      certificate: 'mail',
      proxyPeers: '10.0.0.1',
      redirectToHttps: 'false',
      hsts: '365d',
    },
    without: ['clientCa'],
  },
  { noun: 'http-service', name: 'dav', flags: { path: '/dav', endpoint: 'http', port: '8443' } },
  {
    noun: 'send-connector',
    name: 'Partner',
    flags: {
      addressSpaces: '*.fabrikam.com;5,fabrikam.org',
      sources: 'MBX1,MBX2',
      smartHosts: 'relay.fabrikam.com,[192.0.2.1]:2525',
      tls: 'domain:relay.fabrikam.com',
      ca: '/etc/usher/ca.pem',
      certificate: 'mail',
      heloName: 'out.contoso.com',
      resolvers: '192.0.2.53',
    },
  },
  { noun: 'gateway', name: 'GW2', flags: { address: '192.0.2.9' } },
  { noun: 'dial-plan', name: 'DP2', flags: {} },
  { noun: 'hunt-group', name: 'HG2', flags: { gateway: 'GW1', dialPlan: 'DP1', pilot: '5000' } },
  { noun: 'certificate', name: 'web', flags: { certFile: '/etc/usher/web.pem', keyFile: '/etc/usher/web.key' } },
];

const estate = {
  ...smallEstate,
  certificates: [{ name: 'mail', certFile: '/etc/mail.pem', keyFile: '/etc/mail.key' }],
  callGateways: [{ name: 'GW1', address: '192.0.2.8' }],
  dialPlans: [{ name: 'DP1' }],
};

/** A value of a type that is not the default. */
function sampleOf(type: FieldType, initial: unknown): string | undefined {
  switch (type.kind) {
    case 'boolean':
      return String(!initial);
    case 'integer':
      return String(initial === type.min ? type.min + 1 : type.min);
    case 'size':
      return '3MB';
    case 'duration':
      return '7s';
    case 'choice':
      return type.values.find((value) => value !== initial);
    case 'list':
      return sampleOf(type.item, undefined);
    case 'text':
    case 'reference':
    case 'object':
    case 'record':
    case 'endpoint':
    case 'match':
    case 'any':
      return undefined;
  }
}

const isFlat = (type: FieldType): boolean =>
  !['object', 'record', 'endpoint', 'match', 'any'].includes(type.kind === 'list' ? type.item.kind : type.kind);

/** A flag for every field that can have one, as words; and what the estate file then says. */
function everyField({ noun, flags, without = [] }: NounCase): { words: string[]; shown: Record<string, unknown> } {
  const words: string[] = [];
  const shown: Record<string, unknown> = {};
  for (const [field, { type, initial }] of Object.entries(catalogue[noun].fields)) {
    if (field === catalogue[noun].nameField || !isFlat(type) || without.includes(field)) continue;
    const value = flags[field] ?? sampleOf(type, initial);
    if (value === undefined) throw new Error(`the test has no value for ${noun} ${field}`);
    const flag = `--${value === 'false' && type.kind === 'boolean' ? 'no-' : ''}${flagName(field)}`;
    words.push(...(type.kind === 'boolean' ? [flag] : [flag, value]));
    if (type.kind === 'boolean') shown[field] = value === 'true';
    else if (type.kind === 'integer') shown[field] = Number(value);
    else shown[field] = type.kind === 'list' ? value.split(',') : value;
  }
  return { words, shown };
}

/** Something to change that is allowed on the object of the case. */
const updates: Readonly<Partial<Record<NounName, readonly [word: string, field: string, value: unknown]>>> = {
  site: ['--no-hub', 'hub', false],
  link: ['--cost=7', 'cost', 7],
  server: ['--accepts=any', 'accepts', 'any'],
  database: ['--active=MBX2', 'active', 'MBX2'],
  mailbox: ['--unset=extension', 'extension', null],
  group: ['--unset=members', 'members', []],
  contact: ['--target=x@fabrikam.com', 'target', 'x@fabrikam.com'],
  'send-connector': ['--unset=ca', 'ca', null],
  gateway: ['--address=gw2.contoso.com', 'address', 'gw2.contoso.com'],
  'dial-plan': ['--unset=digits', 'digits', 4],
  'hunt-group': ['--pilot=+4930123', 'pilot', '+4930123'],
  domain: ['--type=authoritative', 'type', 'authoritative'],
  'receive-connector': ['--unset=banner', 'banner', null],
  listener: ['--bind=127.0.0.1:994', 'bind', '127.0.0.1:994'],
  'http-service': ['--unset=port', 'port', null],
  certificate: ['--key-file=/etc/usher/other.key', 'keyFile', '/etc/usher/other.key'],
};

async function expectWholeLife(program: Program, { noun, name, ...rest }: NounCase): Promise<void> {
  const nameField = catalogue[noun].nameField ?? 'name';
  const { words, shown } = everyField({ noun, name, ...rest });
  const created = await program.change(noun, 'create', ...words, name);
  expect(created).toMatchObject({ revision: 2, changed: [{ noun, name, change: 'created' }] });
  const object = await program.json<Record<string, unknown>>(noun, 'show', name.toUpperCase());
  expect(object).toMatchObject({ [nameField]: name, ...shown });
  expect(Object.keys(object).toSorted()).toStrictEqual(Object.keys(catalogue[noun].fields).toSorted());
  const listed = await program.json<Record<string, unknown>[]>(noun, 'list');
  expect(listed).toContainEqual(object);
  const update = updates[noun];
  if (update) {
    expect(await program.change(noun, 'update', name, update[0])).toMatchObject({
      revision: 3,
      changed: [{ change: 'updated' }],
    });
    expect(await program.json(noun, 'show', name)).toMatchObject({ ...shown, [update[1]]: update[2] });
  }
  const deleted = await program.change(noun, 'delete', name);
  expect(deleted.changed).toStrictEqual([{ noun, name, change: 'deleted' }]);
  await expectFailure(program, [noun, 'show', name], { exit: 3, message: new RegExp(`there is no ${noun} "`) });
}

describe('create, show, list, update and delete, with every field by its flag', () => {
  test.concurrent.each(cases.map((one) => [one.noun, one] as const))('%s', { timeout: 60_000 }, async (_, one) => {
    await expectWholeLife(createProgram(estate), one);
  });
});

test('show tells people, and no program, what a send connector is used for', { timeout: 60_000 }, async () => {
  const sendConnectors = [{ name: 'Out', sources: ['MBX1'] }];
  const program = createProgram({ ...estate, sendConnectors });
  const [text, quiet, json] = await Promise.all([
    program.ok('send-connector', 'show', 'out'),
    program.ok('send-connector', 'show', 'out', '--quiet'),
    program.json<Record<string, unknown>>('send-connector', 'show', 'out'),
  ]);
  expect(text).toMatch(/\n\nused for: any other domain, from site Berlin \(MBX1, MBX3\), site Paris \(MBX2\)\n$/);
  expect(quiet).toBe('');
  expect(Object.keys(json).toSorted()).toStrictEqual(Object.keys(catalogue['send-connector'].fields).toSorted());
});

test('commands of send connectors read no password, in a file or in the environment', { timeout: 60_000 }, async () => {
  const program = createProgram(estate);
  const file = join(program.folder, 'password');
  writeFileSync(file, 'sesame-in-file');
  const env = { RELAY_PASSWORD: 'sesame-in-environment' };
  const given = ['--sources', 'MBX1', '--smart-hosts', 'relay.fabrikam.com', '--set', 'auth.user=usher'];
  const places = [`auth.passwordFile=${file}`, 'auth.passwordEnv=RELAY_PASSWORD'];
  for (const [index, place] of places.entries()) {
    const name = `Out${index}`;
    for (const words of [
      ['create', name, ...given, '--set', place],
      ['show', name],
      ['show', name, '--json'],
      ['list'],
    ]) {
      const { code, stdout, stderr } = await program.attempt(['send-connector', ...words], { env });
      expect(code, stderr).toBe(0);
      expect(stdout + stderr).not.toContain('sesame');
    }
  }
});
