import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { UsherError } from '../../src/errors.js';
import { readEstate } from '../../src/estate/read-estate.js';
import { estateArbitrary } from '../support/estate-arbitrary.js';
import { refusal } from '../support/refusal.js';

/** The lines of the message with which a file is refused. */
function linesOf(text: string): string[] {
  const error = refusal(() => readEstate(text, 'f.yaml'));
  expect(error.kind).toBe('invalid');
  return error.message.split('\n');
}

describe('a file that can be read', () => {
  const yaml =
    'estate: 1\nservers:\n  - name: MBX1\n    site: A\nsites: [{name: A}]\norganization: {maxRecipients: 7}\ndags:\n';

  test('is its objects, in the order in which they can be made', () => {
    const { entries } = readEstate(yaml, 'f.yaml');
    expect(entries.map(({ noun, name, given }) => [noun.name, name, given])).toEqual([
      ['organization', 'organization', { maxRecipients: 7 }],
      ['site', 'A', { name: 'A' }],
      ['server', 'MBX1', { name: 'MBX1', site: 'A' }],
    ]);
  });

  test('knows the line of every place, also in JSON', () => {
    const file = readEstate(yaml, 'f.yaml');
    expect(file.place(['servers', 0, 'site'])).toBe('f.yaml:4: servers[0].site');
    expect(file.place(['servers', 0, 'endpoints', 'imap'])).toBe('f.yaml:3: servers[0].endpoints.imap');
    expect(file.place(['sites', 0])).toBe('f.yaml:5: sites[0]');
    expect(file.place([])).toBe('f.yaml:1');
    const json = readEstate('{\n"estate": 1,\n"sites": [\n{"name": "A",\n"hub": 5}]}', 'f.json');
    expect(json.place(['sites', 0, 'hub'])).toBe('f.json:5: sites[0].hub');
  });

  test.each([
    ['a byte order mark', '\ufeff{"estate": 1, "sites": [{"name": "A"}]}'],
    ['a byte order mark before YAML', '\ufeffestate: 1\nsites: [{name: A}]'],
    ['flow style', '{estate: 1, sites: [{name: A}]}'],
    ['an alias', 'estate: 1\nsites: [&a {name: A}]\nlinks: []'],
    ['CR LF', 'estate: 1\r\nsites:\r\n  - name: A\r\n'],
    ['document markers and comments', '%YAML 1.2\n---\n# ours\nestate: 1\nsites: [{name: A}]\n...\n'],
    ['empty sections', 'estate: 1\nsites: [{name: A}]\nlinks:\nfilters: null\nservers: []\n'],
  ])('%s', (_title, text) => expect(readEstate(text, 'f').entries.map(({ name }) => name)).toEqual(['A']));
});

describe('a file that is no estate', () => {
  test.each<[title: string, text: string, lines: (string | RegExp)[]]>([
    ['empty', '', ['f.yaml: expected an estate: an object that begins with "estate: 1"']],
    ['only a comment', '# nothing\n', ['f.yaml: expected an estate: an object that begins with "estate: 1"']],
    ['a list at the top', '- estate: 1\n', [/^f\.yaml:1: expected an estate/]],
    ['a text', 'estate 1', [/^f\.yaml:1: expected an estate/]],
    ['a JSON list', '[{"estate": 1}]', [/^f\.yaml:1: expected an estate/]],
    ['no version', 'sites: []', ['f.yaml:1: the key "estate: 1" is missing (the version of the format)']],
    [
      'another version',
      'sites: []\nestate: 2',
      ['f.yaml:2: estate: version 2 is unknown; this program reads version 1'],
    ],
    ['a version in quotes', 'estate: "1"', ['f.yaml:1: estate: version "1" is unknown; this program reads version 1']],
    ['a mistyped section', 'estate: 1\nsite: []\n', ['f.yaml:2: site: unknown key "site" (did you mean "sites"?)']],
    [
      'an unknown section, empty',
      'estate: 1\nusers:\n',
      [/^f\.yaml:2: users: unknown key "users"; known keys: estate, organization, sites/],
    ],
    [
      '__proto__ at the top',
      '{"estate": 1, "__proto__": {"sites": []}}',
      [/^f\.yaml:1: __proto__: unknown key "__proto__"/],
    ],
    ['an object for a list', 'estate: 1\nsites: {name: A}', ['f.yaml:2: sites: expected a list of objects']],
    ['a list for an object', 'estate: 1\nfilters: []', ['f.yaml:2: filters: expected an object']],
    [
      'a text for an object',
      'estate: 1\nsites:\n  - A',
      ['f.yaml:3: sites[0]: expected an object with the key "name"'],
    ],
    ['no name', 'estate: 1\nsites:\n  - hub: true', ['f.yaml:3: sites[0]: the key "name" is missing']],
    ['an empty name', 'estate: 1\nsites: [{name: ""}]', ['f.yaml:2: sites[0]: expected text as name, found ""']],
    ['a number as name', 'estate: 1\nsites: [{name: 5}]', ['f.yaml:2: sites[0]: expected text as name, found 5']],
    [
      'a name twice',
      'estate: 1\nsites:\n  - name: A\n  - name: a\n',
      ['f.yaml:4: sites[1]: site "a" stands in the file already (sites[0])'],
    ],
    [
      'an address twice',
      'estate: 1\ncontacts:\n  - {address: a@bücher.example, target: x@y}\n  - {address: "A@xn--bcher-kva.example", target: x@y}',
      ['f.yaml:4: contacts[1]: contact "A@xn--bcher-kva.example" stands in the file already (contacts[0])'],
    ],
    [
      'a key twice',
      'estate: 1\nsites:\n  - name: A\n    hub: true\n    hub: false\n',
      [/^f\.yaml:5: Map keys must be unique/],
    ],
    ['a section twice', 'estate: 1\nsites: []\nsites: []\n', [/^f\.yaml:3: Map keys must be unique/]],
    [
      'a key twice in JSON',
      '{"estate": 1,\n"sites": [{"name": "A", "hub": true,\n"\\u0068ub": false}]}',
      ['f.yaml:3: the key "hub" stands in one object twice'],
    ],
    ['two documents', 'estate: 1\n---\nestate: 1\n', [/^f\.yaml:2: Source contains multiple documents/]],
    ['broken YAML', 'estate: 1\nsites:\n  - name: [A\n', [/^f\.yaml:\d: /]],
    ['a tab as indentation', 'estate: 1\nsites:\n\t- name: A\n', [/^f\.yaml:3: /]],
    ['broken JSON', '{"estate": 1,\n"sites": [}', [/^f\.yaml:2: /]],
    ['an alias without its anchor', 'estate: 1\nsites: *a\n', [/^f\.yaml(:2)?: Unresolved alias/]],
    [
      'many mistakes',
      'estat: 1\nsites: 5\nlink: []',
      [/estate: 1" is missing/, /estat: unknown key/, /link: unknown key/, /sites: expected a list/],
    ],
  ])('%s', (_title, text, lines) => {
    const found = linesOf(text);
    for (const [index, line] of lines.entries()) {
      if (typeof line === 'string') expect(found[index]).toBe(line);
      else expect(found[index]).toMatch(line);
    }
  });

  test('fifty problems are shown, the others counted', () => {
    const lines = linesOf(JSON.stringify({ estate: 1, sites: Array.from({ length: 70 }, () => ({})) }));
    expect(lines).toHaveLength(51);
    expect(lines.at(-1)).toBe('and 20 more');
  });
});

describe('a file made to exhaust the reader is refused soon', () => {
  const aliases = (count: number): string => {
    const levels = Array.from({ length: count }, (_, level) => {
      const below = level === 0 ? '"lol"' : Array.from({ length: 9 }, () => `*l${level - 1}`).join(', ');
      return `l${level}: &l${level} [${below}]`;
    });
    return ['estate: 1', ...levels].join('\n');
  };
  test.each([
    ['a bomb of aliases', aliases(9), 'f.yaml: Excessive alias count'],
    [
      'an alias within itself',
      'estate: 1\nfilters: &a {agents: [{name: a, module: /a, settings: *a}]}\n',
      'f.yaml: is nested more than 64 levels deep',
    ],
    ['deep YAML', `estate: 1\nsites: ${'['.repeat(100_000)}`, 'f.yaml'],
    [
      'deep closed YAML',
      `estate: 1\nsites: ${'['.repeat(20_000)}${']'.repeat(20_000)}`,
      'f.yaml: is nested more than 64 levels deep',
    ],
    [
      'deep JSON',
      `{"estate": 1, "sites": ${'['.repeat(100_000)}${']'.repeat(100_000)}}`,
      'f.yaml: is nested more than 64 levels deep',
    ],
    [
      'deep settings',
      `{"estate": 1, "filters": {"agents": [{"settings": ${'['.repeat(100)}${']'.repeat(100)}}]}}`,
      'f.yaml: is nested more than 64',
    ],
  ])('%s', (_title, text, message) => {
    const start = performance.now();
    expect(linesOf(text)[0]).toContain(message);
    expect(performance.now() - start).toBeLessThan(10_000);
  });
});

describe('whatever is read', () => {
  const only = (text: string): void => {
    try {
      const file = readEstate(text, 'f.yaml');
      for (const entry of file.entries) expect(file.place(entry.path)).toMatch(/^f\.yaml/);
    } catch (error) {
      expect(error).toBeInstanceOf(UsherError);
      expect(error).toMatchObject({ kind: 'invalid', exitCode: 2 });
    }
  };

  test('is an estate or invalid, never another error: any text', () => {
    const hostile = fc.array(
      fc.constantFrom(
        'estate: 1\n',
        'sites:',
        ' - ',
        '? ',
        ': ',
        '{',
        '}',
        '[',
        ']',
        '&a ',
        '*a ',
        '!!map ',
        '"',
        "'",
        '|\n',
        '\n',
        '  ',
        ',',
        '<<',
        '__proto__',
        'null',
        '%',
        '---\n',
        '\t',
      ),
      { maxLength: 25 },
    );
    const text = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 60 }),
      hostile.map((parts) => `estate: 1\n${parts.join('')}`),
      hostile.map((parts) => parts.join('')),
    );
    fc.assert(fc.property(text, only), { numRuns: 1500 });
  });

  test('is an estate or invalid: an estate with a piece cut out or put in', () => {
    const piece = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 4 }),
      fc.constantFrom('\n', ':', '  ', '- ', '&a', '*a', '"'),
    );
    const damaged = fc
      .tuple(estateArbitrary(), fc.boolean(), fc.double({ min: 0, max: 1, noNaN: true }), fc.nat({ max: 20 }), piece)
      .map(([estate, asYaml, place, cut, put]) => {
        const text = asYaml ? stringify(estate) : JSON.stringify(estate);
        const at = Math.floor(place * text.length);
        return text.slice(0, at) + put + text.slice(at + cut);
      });
    fc.assert(fc.property(damaged, only), { numRuns: 60 });
  });

  test('values of any shape in any place are an estate or invalid', () => {
    const any = fc.jsonValue({ maxDepth: 3 });
    const shaped = fc.record({
      estate: fc.constant(1),
      sites: any,
      servers: fc.array(any),
      filters: any,
      mailboxes: fc.array(fc.record({ address: any })),
    });
    fc.assert(
      fc.property(shaped, (estate) => only(JSON.stringify(estate))),
      { numRuns: 200 },
    );
  });
});
