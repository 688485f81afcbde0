import { describe, expect, test } from 'vitest';
import { importsOf, roomOf, sourceFiles, withoutComments } from './source-files.js';

/** Who may import whom, beside itself. */
const table: Readonly<Record<string, readonly string[]>> = {
  errors: [],
  settings: ['errors'],
  topology: ['errors'],
  routing: ['topology', 'errors'],
  filtering: ['topology', 'errors'],
  protocols: ['protocols/sasl', 'protocols/lines', 'errors'],
  control: ['errors'],
  observability: ['errors'],
  net: ['errors'],
  store: ['topology', 'errors'],
  estate: ['topology', 'errors'],
  admin: ['topology', 'routing', 'filtering', 'estate', 'store', 'control', 'observability', 'errors'],
  cli: ['admin', 'control', 'topology', 'routing', 'settings', 'errors'],
  commands: ['cli', 'admin', 'control', 'settings', 'errors'],
  health: ['topology', 'net', 'protocols', 'observability', 'errors'],
  session: ['topology', 'routing', 'filtering', 'protocols', 'net', 'health', 'observability', 'errors'],
  runtime: [
    'topology',
    'routing',
    'filtering',
    'protocols',
    'net',
    'health',
    'session',
    'store',
    'estate',
    'control',
    'observability',
    'settings',
    'errors',
  ],
  demo: ['admin', 'runtime', 'protocols', 'net', 'settings', 'store', 'control', 'observability', 'errors'],
};

/** What single files may import beside what their room may. */
const exceptions: Readonly<Record<string, readonly string[]>> = {
  'commands/demo.ts': ['demo'],
  'commands/start.ts': ['runtime'],
  'commands/test/smtp.ts': ['runtime'],
};

const files = [...sourceFiles('src'), ...sourceFiles('commands')];

/** The row of a room: the folders below `protocols` share one. */
const rowOf = (room: string): string => (room.startsWith('protocols/') ? 'protocols' : room);

function mayImport(path: string, from: string, to: string): boolean {
  const allowed = [...(table[rowOf(from)] ?? []), ...(exceptions[path] ?? [])];
  return from === to || allowed.includes(to) || (from !== rowOf(from) ? false : allowed.includes(rowOf(to)));
}

describe('the import table', () => {
  test('has a row for every room that there is', () => {
    const rooms = new Set(files.map(({ path }) => rowOf(roomOf(path))));
    expect(rooms.size).toBeGreaterThan(10);
    expect([...rooms].filter((room) => !(room in table))).toStrictEqual([]);
  });

  test('is kept by every file', () => {
    const seen = files.flatMap((file) => importsOf(file).map((target) => ({ path: file.path, target })));
    const ours = seen.filter(({ target }) => /^(src|commands|bin|test|migrations)\//.test(target));
    expect(files.length).toBeGreaterThan(100);
    expect(ours.length).toBeGreaterThan(3 * files.length);
    const wrong = ours.filter(({ path, target }) => !mayImport(path, roomOf(path), roomOf(target)));
    expect(wrong.map(({ path, target }) => `${path} imports ${target}`)).toStrictEqual([]);
  });

  test('every import of ours ends in .js and names a file that is there', () => {
    const known = new Set(files.map(({ path }) => path.replace(/\.ts$/, '.js')));
    const wrong = files.flatMap((file) =>
      importsOf(file)
        .filter((target) => /^(src|commands)\//.test(target) && !known.has(target))
        .map((target) => `${file.path} imports ${target}`),
    );
    expect(wrong).toStrictEqual([]);
  });
});

describe('reading imports', () => {
  test('sees each form, and no comment', () => {
    const code = withoutComments(`
      import a from './a.js';
      import type { B,
        C } from '../store/b.js';
      export { d } from './d.js';
      export * from './e.js';
      import './f.js';
      const g = await import('./g.js');
      // import h from './h.js';
      /** from './i.js' */
      import pkg from 'pkg'; // from './j.js'
      const url = 'https://example.org';
    `);
    expect(importsOf({ path: 'src/admin/x.ts', code }).toSorted()).toStrictEqual([
      'pkg',
      'src/admin/a.js',
      'src/admin/d.js',
      'src/admin/e.js',
      'src/admin/f.js',
      'src/admin/g.js',
      'src/store/b.js',
    ]);
  });

  test.each([
    ['src/routing/a.ts', 'src/topology/b.js', true],
    ['src/routing/a.ts', 'src/store/b.js', false],
    ['src/protocols/imap/a.ts', 'src/protocols/sasl/b.js', true],
    ['src/protocols/imap/a.ts', 'src/protocols/imap/b.js', true],
    ['src/protocols/imap/a.ts', 'src/protocols/pop/b.js', false],
    ['src/session/imap/a.ts', 'src/protocols/pop/b.js', true],
    ['commands/start.ts', 'src/runtime/b.js', true],
    ['commands/stop.ts', 'src/runtime/b.js', false],
    ['src/errors.ts', 'src/settings.js', false],
    ['src/topology/a.ts', 'src/errors.js', true],
  ])('%s may import %s: %s', (path, target, allowed) => {
    expect(mayImport(path, roomOf(path), roomOf(target))).toBe(allowed);
  });
});
