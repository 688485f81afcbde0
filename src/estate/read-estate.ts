import type { Document, LineCounter } from 'yaml';
import { isMap, isSeq, LineCounter as Lines, parseDocument } from 'yaml';
import { reasonOf, UsherError } from '../errors.js';
import type { EstateObject, Noun } from '../topology/catalogue/catalogue.js';
import { nouns } from '../topology/catalogue/catalogue.js';
import { addressKey } from '../topology/mail-address.js';
import { didYouMean, nameKey } from '../topology/names.js';
import { findRepeatedKey } from './find-repeated-key.js';
import { invalidError, pathText } from './problem.js';

/** One object that a file names, as it stands there, and where. */
export interface EstateEntry {
  readonly noun: Noun;
  readonly name: string;
  readonly given: EstateObject;
  readonly path: readonly PropertyKey[];
}

/** An estate file taken apart: its objects in the order in which they can be made. */
export interface EstateFile {
  readonly entries: readonly EstateEntry[];
  /** `estate.yaml:12: servers[0].site`: a place in words. */
  place(path: readonly PropertyKey[]): string;
}

/** Reads YAML or JSON; every problem is named with file, line and path, and then nothing is returned. */
export function readEstate(text: string, fileName: string): EstateFile {
  const locate = createLocator(text, fileName);
  const content = parseContent(text, fileName);
  const problems: string[] = [];
  const report = (path: readonly PropertyKey[], message: string): void => {
    problems.push(`${locate(path)}: ${message}`);
  };
  const entries = readSections(content, report);
  if (problems.length > 0) throw invalidError(problems);
  return { entries, place: locate };
}

type Report = (path: readonly PropertyKey[], message: string) => void;

/** Deeper than any object of an estate; what an agent's settings may need beyond that is in it. */
const depthMax = 64;

function parseContent(text: string, fileName: string): unknown {
  const content = parseJson(text, fileName) ?? parseYaml(text, fileName);
  if (isDeeper(content, depthMax)) throw tooDeep(fileName);
  return content;
}

function parseJson(text: string, fileName: string): unknown {
  if (!/^\s*\{/.test(text)) return undefined;
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch {
    // Flow style YAML begins like JSON; and its parser knows the line of a mistake.
    return undefined;
  }
  const repeated = findRepeatedKey(text);
  if (!repeated) return content;
  throw invalidError([`${fileName}:${repeated.line}: the key "${repeated.key}" stands in one object twice`]);
}

function parseYaml(text: string, fileName: string): unknown {
  try {
    const lines = new Lines();
    const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
    if (document.errors.length === 0) return document.toJS({ maxAliasCount: 1000 });
    // The parser runs out of stack before it could say how deep is too deep.
    if (document.errors.some((error) => error.message.includes('call stack'))) throw tooDeep(fileName);
    throw invalidError(
      document.errors.map((error) => `${fileName}:${lines.linePos(error.pos[0]).line}: ${error.message}`),
    );
  } catch (error) {
    if (error instanceof UsherError) throw error;
    if (error instanceof RangeError) throw tooDeep(fileName);
    throw invalidError([`${fileName}: ${reasonOf(error)}`]);
  }
}

const tooDeep = (fileName: string): UsherError =>
  invalidError([`${fileName}: is nested more than ${depthMax} levels deep`]);

function isDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return levels === 0 || Object.values(value).some((below) => isDeeper(below, levels - 1));
}

/** Words for a place; the text is parsed for its lines only when somebody asks. */
function createLocator(text: string, fileName: string): EstateFile['place'] {
  const lines = new Lines();
  let document: Document.Parsed | undefined;
  return (path) => {
    document ??= parseDocument(text, { lineCounter: lines, prettyErrors: false }) as Document.Parsed;
    const line = lineOf(document, lines, path);
    const where = line === undefined ? fileName : `${fileName}:${line}`;
    return path.length === 0 ? where : `${where}: ${pathText(path)}`;
  };
}

function lineOf(document: Document.Parsed, lines: LineCounter, path: readonly PropertyKey[]): number | undefined {
  let node: unknown = document.contents;
  let offset = (node as { range?: readonly number[] } | null)?.range?.[0];
  for (const step of path) {
    if (isMap(node)) {
      const pair = node.items.find((item) => String((item.key as { value?: unknown } | null)?.value) === String(step));
      if (!pair) break;
      offset = (pair.key as { range?: readonly number[] } | null)?.range?.[0] ?? offset;
      node = pair.value;
    } else if (isSeq(node)) {
      node = node.items[Number(step)];
      offset = (node as { range?: readonly number[] } | undefined)?.range?.[0] ?? offset;
    } else break;
  }
  return offset === undefined ? undefined : lines.linePos(offset).line;
}

const isObject = (value: unknown): value is EstateObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function readSections(content: unknown, report: Report): EstateEntry[] {
  if (!isObject(content)) {
    report([], 'expected an estate: an object that begins with "estate: 1"');
    return [];
  }
  if (content['estate'] === undefined) report([], 'the key "estate: 1" is missing (the version of the format)');
  else if (content['estate'] !== 1)
    report(['estate'], `version ${JSON.stringify(content['estate'])} is unknown; this program reads version 1`);
  const sections = ['estate', ...nouns.map((noun) => noun.section)];
  for (const key of Object.keys(content).filter((key) => !sections.includes(key))) {
    report([key], `unknown key "${key}"${didYouMean(key, sections) || `; known keys: ${sections.join(', ')}`}`);
  }
  return nouns.flatMap((noun) =>
    content[noun.section] == null ? [] : readSection(noun, content[noun.section], report),
  );
}

function readSection(noun: Noun, section: unknown, report: Report): EstateEntry[] {
  if (noun.nameField === null) {
    if (isObject(section)) return [{ noun, name: noun.name, given: section, path: [noun.section] }];
    report([noun.section], 'expected an object');
    return [];
  }
  if (!Array.isArray(section)) {
    report([noun.section], 'expected a list of objects');
    return [];
  }
  const seen = new Map<string, number>();
  return section.flatMap((given: unknown, index) => readEntry(noun, given, [noun.section, index], seen, report));
}

function readEntry(
  noun: Noun,
  given: unknown,
  path: readonly PropertyKey[],
  seen: Map<string, number>,
  report: Report,
): EstateEntry[] {
  const field = noun.nameField ?? 'name';
  if (!isObject(given)) {
    report(path, `expected an object with the key "${field}"`);
    return [];
  }
  const name = given[field];
  if (typeof name !== 'string' || name === '') {
    report(
      path,
      name === undefined ? `the key "${field}" is missing` : `expected text as ${field}, found ${JSON.stringify(name)}`,
    );
    return [];
  }
  const key = field === 'address' ? (addressKey(name) ?? name) : nameKey(name);
  const first = seen.get(key);
  if (first !== undefined) {
    report(path, `${noun.name} "${name}" stands in the file already (${noun.section}[${first}])`);
    return [];
  }
  seen.set(key, Number(path[1]));
  return [{ noun, name, given, path }];
}
