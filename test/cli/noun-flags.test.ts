import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { changeFlags, UsherCommand } from '../../src/cli/base-command.js';
import { flagName, flagsOf, givenOf } from '../../src/cli/noun-flags.js';
import { UsherError } from '../../src/errors.js';
import { catalogue, type Noun, nouns } from '../../src/topology/catalogue/catalogue.js';
import type { FieldType } from '../../src/topology/fields.js';

const deep: ReadonlySet<FieldType['kind']> = new Set(['object', 'record', 'endpoint', 'match', 'any']);
const isFlat = (type: FieldType): boolean => (type.kind === 'list' ? !deep.has(type.item.kind) : !deep.has(type.kind));
const named = nouns.filter((noun) => noun.nameField !== null);

describe('flags of a noun', () => {
  test.each(named.map((noun) => [noun.name, noun] as const))(
    '%s: every flat field has one, named after it',
    (_, noun) => {
      const flags = flagsOf(noun);
      const expected = Object.entries(noun.fields)
        .filter(([name, { type }]) => name !== noun.nameField && isFlat(type))
        .map(([name]) => flagName(name));
      expect(Object.keys(flags)).toStrictEqual([...expected, 'set', 'unset']);
      const shared = [
        ...Object.keys(changeFlags),
        ...Object.keys(UsherCommand.baseFlags),
        'json',
        'help',
        'if-missing',
        'if-exists',
      ];
      expect(Object.keys(flags).filter((name) => shared.includes(name))).toStrictEqual([]);
    },
  );

  test('turn field names round without loss', () => {
    for (const noun of nouns) {
      for (const field of Object.keys(noun.fields)) {
        expect(flagName(field).replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase())).toBe(field);
      }
    }
  });
});

/** What the parser gives for a field, and what the estate file says of it. */
function flagValue(type: FieldType): fc.Arbitrary<readonly [flag: unknown, estate: unknown]> {
  if (type.kind === 'boolean') return fc.boolean().map((value) => [value, value]);
  if (type.kind === 'integer')
    return fc.integer({ min: type.min, max: type.max }).map((value) => [String(value), value]);
  if (type.kind === 'choice') return fc.constantFrom(...type.values).map((value) => [value, value]);
  if (type.kind === 'list') {
    const words = fc.array(flagValue(type.item), { minLength: 1, maxLength: 5 });
    return fc.tuple(words, fc.boolean()).map(([items, joined]) => {
      const texts = items.map(([flag]) => String(flag));
      return [joined ? [texts.join(' , ')] : texts, items.map(([, estate]) => estate)];
    });
  }
  return fc.stringMatching(/^[\w.;*@-]{1,20}$/).map((value) => [value, value]);
}

const someFlags = fc.constantFrom(...named).chain((noun) => {
  const fields = Object.entries(noun.fields).filter(([name, { type }]) => name !== noun.nameField && isFlat(type));
  const values = fields.map(([name, { type }]) => fc.option(flagValue(type)).map((value) => ({ name, value })));
  return fc.tuple(fc.constant<Noun>(noun), fc.tuple(...values));
});

describe('what flags give', () => {
  test('is the form of the estate file', () => {
    fc.assert(
      fc.property(someFlags, ([noun, fields]) => {
        const given = fields.flatMap(({ name, value }) => (value ? [{ name, flag: value[0], estate: value[1] }] : []));
        const flags = Object.fromEntries(given.map(({ name, flag }) => [flagName(name), flag]));
        expect(givenOf(noun, flags)).toStrictEqual(Object.fromEntries(given.map(({ name, estate }) => [name, estate])));
      }),
    );
  });

  const server = catalogue.server;
  test.each([
    [['endpoints.imap.port=143'], { endpoints: { imap: { port: 143 } } }],
    [['endpoints.imap=143', 'endpoints.pop=110'], { endpoints: { imap: 143, pop: 110 } }],
    [
      ['endpoints.imap.tls=none', 'endpoints.imap.verify=false'],
      { endpoints: { imap: { tls: 'none', verify: false } } },
    ],
    [['endpoints.imap.ca=null'], { endpoints: { imap: { ca: null } } }],
    [['host=a=b'], { host: 'a=b' }],
    [['host=143'], { host: '143' }],
    [['roles=mailbox,frontend'], { roles: ['mailbox', 'frontend'] }],
    [['roles=["mailbox"]'], { roles: ['mailbox'] }],
    [['components=[{"component":"imap","state":"active"}]'], { components: [{ component: 'imap', state: 'active' }] }],
  ])('--set %j', (set, given) => {
    expect(givenOf(server, { set })).toStrictEqual(given);
  });

  test('--unset clears a field, also inside another', () => {
    expect(givenOf(server, { unset: ['dag', 'endpoints.imap'] })).toStrictEqual({
      dag: null,
      endpoints: { imap: null },
    });
  });

  test('--set of anything is a value or an error of usage, and touches nothing else', () => {
    const path = fc.oneof(
      fc.string(),
      fc.stringMatching(/^(endpoints|host|__proto__|constructor)(\.(imap|port|__proto__|x)){0,3}$/),
    );
    fc.assert(
      fc.property(fc.array(fc.tuple(path, fc.string()), { maxLength: 4 }), (settings) => {
        try {
          givenOf(server, { set: settings.map(([field, value]) => `${field}=${value}`) });
        } catch (error) {
          expect(error).toBeInstanceOf(UsherError);
          expect(error).toMatchObject({ kind: 'usage' });
        }
        expect(Object.keys(Object.prototype)).toStrictEqual([]);
      }),
    );
  });
});
