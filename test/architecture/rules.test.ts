import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { importsOf, root, type SourceFile, sourceFiles } from './source-files.js';

const files = [...sourceFiles('src'), ...sourceFiles('commands')];
const isIn = (folder: string) => (file: SourceFile) => file.path.startsWith(`${folder}/`);

/** Names the files in which a pattern is found, with what was found. */
const found = (among: readonly SourceFile[], pattern: RegExp): string[] =>
  among.flatMap(({ path, code }) => [...code.matchAll(pattern)].map((match) => `${path}: ${match[0].trim()}`));

test('there are files to look at', () => {
  expect(files.length).toBeGreaterThan(100);
});

describe('SQL stands in src/store and migrations only', () => {
  const elsewhere = files.filter((file) => !isIn('src/store')(file));
  const sql =
    /\bSELECT\b[^;]{1,200}?\bFROM\b|\bINSERT\s+(?:OR\s+\w+\s+)?INTO\b|\bUPDATE\s+\w+\s+SET\b|\bDELETE\s+FROM\b|\b(?:CREATE|ALTER|DROP)\s+(?:TABLE|INDEX|TRIGGER|VIEW)\b|\bPRAGMA\s+\w+|\bBEGIN IMMEDIATE\b/g;

  test('no statement elsewhere', () => {
    expect(found(elsewhere, sql)).toStrictEqual([]);
    expect(found(files.filter(isIn('src/store')), sql).length).toBeGreaterThan(5);
  });

  test('no SQLite elsewhere', () => {
    expect(
      elsewhere.filter((file) => importsOf(file).includes('better-sqlite3')).map(({ path }) => path),
    ).toStrictEqual([]);
  });
});

describe('names', () => {
  const banned = /^(utils?|helpers?|common|managers?|services?|index)\.ts$/;

  test('no file is named after nothing', () => {
    expect(files.filter(({ path }) => banned.test(basename(path))).map(({ path }) => path)).toStrictEqual([]);
  });

  test('every file is in kebab-case', () => {
    expect(
      files.filter(({ path }) => !/^[a-z0-9]+(-[a-z0-9]+)*\.ts$/.test(basename(path))).map(({ path }) => path),
    ).toStrictEqual([]);
  });

  test('no file consists of re-exports', () => {
    const reExports = /\bexport\b[^'"`;]*?\bfrom\s*['"][^'"]+['"];?|\bexport\s*(?:type\s*)?\{[^}]*\};?/g;
    const imports = /\bimport\b[^'"`;]*?\bfrom\s*['"][^'"]+['"];?/g;
    const barrels = files.filter(({ code }) => code.replace(reExports, '').replace(imports, '').trim() === '');
    expect(barrels.map(({ path }) => path)).toStrictEqual([]);
  });
});

test('no file is longer than 300 lines', () => {
  expect(
    files.filter(({ lineCount }) => lineCount > 300).map(({ path, lineCount }) => `${path}: ${lineCount}`),
  ).toStrictEqual([]);
});

describe('routing, filtering, topology and protocols only compute', () => {
  const pure = files.filter((file) => /^src\/(routing|filtering|topology|protocols)\//.test(file.path));
  const allowed = ['node:buffer', 'node:util', 'node:url', 'node:crypto', 'node:string_decoder'];

  test('they import no module of Node that reads or writes', () => {
    expect(pure.length).toBeGreaterThan(40);
    const wrong = pure.flatMap((file) =>
      importsOf(file)
        .filter((name) => name.startsWith('node:') && !allowed.includes(name))
        .map((name) => `${file.path} imports ${name}`),
    );
    expect(wrong).toStrictEqual([]);
  });

  test('modules of Node are imported by their full names', () => {
    const bare = new Set([
      'fs',
      'net',
      'tls',
      'http',
      'https',
      'dns',
      'dgram',
      'os',
      'child_process',
      'crypto',
      'path',
      'util',
      'url',
    ]);
    expect(
      files.filter((file) => importsOf(file).some((name) => bare.has(name))).map(({ path }) => path),
    ).toStrictEqual([]);
  });

  test('they ask for no time, no chance and nothing of the process', () => {
    const impure =
      /\bDate\.now\b|\bnew Date\(\s*\)|\bMath\.random\b|\bperformance\.now\b|\bprocess\.\w+|\bset(?:Timeout|Interval|Immediate)\(|\brandom(?:UUID|Bytes|Int|FillSync)\b|\bfetch\(|\bconsole\.\w+/g;
    expect(found(pure, impure)).toStrictEqual([]);
    expect(found(files, impure).length).toBeGreaterThan(5);
  });
});

describe('ARCHITECTURE.md', () => {
  const map = readFileSync(join(root, 'ARCHITECTURE.md'), 'utf8');
  const folders = (path: string): string[] =>
    readdirSync(join(root, path), { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => name);

  test('names every room of src, and every protocol', () => {
    const rooms = folders('src');
    expect(rooms.length).toBeGreaterThan(10);
    expect(rooms.filter((name) => !map.includes(`\`src/${name}/\``))).toStrictEqual([]);
    const row = map.split('\n').find((line) => line.includes('`src/protocols/`')) ?? '';
    expect(folders('src/protocols').filter((name) => !row.includes(`${name}/`))).toStrictEqual([]);
  });

  test('names no room that is not there', () => {
    const rooms = new Set(folders('src'));
    const named = [...map.matchAll(/^\| *`src\/([\w-]+)\//gm)].map((match) => match[1] ?? '');
    expect(named.length).toBeGreaterThan(10);
    expect(named.filter((name) => !rooms.has(name))).toStrictEqual([]);
  });
});
