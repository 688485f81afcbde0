import { stripVTControlCharacters } from 'node:util';
import { UsherError } from '../errors.js';
import { nearestName } from '../topology/names.js';

/** What the parser of command lines adds to its errors, by kind of fault. */
interface ParserError extends Error {
  readonly oclif?: { readonly exit?: number };
  /** Flags that the command does not have. */
  readonly flags?: readonly string[];
  /** Arguments that are missing, or those that are too many. */
  readonly args?: ReadonlyArray<string | { readonly name: string; readonly description?: string }>;
}

const oneLine = (text: string): string => stripVTControlCharacters(text).replace(/\s+/g, ' ').trim();

const usage = (message: string, suggestions: readonly string[] = []): UsherError =>
  new UsherError('usage', 'usage', message, suggestions);

/** The error of a wrong command line in one line; undefined for anything else. `flags` are those that the command has. */
export function usageFault(error: unknown, flags: readonly string[]): UsherError | undefined {
  if (!(error instanceof Error)) return undefined;
  const { oclif, flags: unknown, args, message } = error as ParserError;
  if (oclif?.exit !== 2 && !('parse' in error)) return undefined;
  if (unknown) return unknownFlags(unknown, flags);
  if (args) return wrongArguments(args);
  return usage(faultText(oneLine(message.split('\nSee more help')[0] ?? '')));
}

function unknownFlags(unknown: readonly string[], known: readonly string[]): UsherError {
  const near = unknown.map((flag) => nearestName(flag.replace(/^-+/, ''), known)).filter((name) => name !== undefined);
  const nearest = near.map((name) => `--${name}`);
  const hint = nearest.length === 0 ? '; see --help' : ` (did you mean "${nearest.join('", "')}"?)`;
  return usage(`unknown ${unknown.length === 1 ? 'flag' : 'flags'} ${unknown.join(', ')}${hint}`, nearest);
}

function wrongArguments(args: NonNullable<ParserError['args']>): UsherError {
  const missing = args.filter((argument) => typeof argument !== 'string');
  if (missing.length === 0) return usage(`unexpected argument ${args.map((word) => JSON.stringify(word)).join(', ')}`);
  const named = missing.map(
    ({ name, description }) => `${name.toUpperCase()}${description ? ` (${description})` : ''}`,
  );
  return usage(`missing argument ${named.join(', ')}`);
}

/** The parser's own words, in the form of our messages. */
function faultText(text: string): string {
  const value = /^Parsing (--\S+) Expected (.+) but received: (.*)$/.exec(text);
  if (value) return `${value[1]} takes ${value[2]}, found ${JSON.stringify(value[3])}`;
  const empty = /^Flag (--\S+) expects a value$/.exec(text);
  if (empty) return `${empty[1]} takes a value`;
  const several = text.replace(/^The following errors? occurred: /, '');
  const missing = [...several.matchAll(/Missing required flag (\S+)/g)].map((match) => `--${match[1]}`);
  if (missing.length > 0) return `missing ${missing.length === 1 ? 'flag' : 'flags'} ${missing.join(', ')}`;
  const together = /^--([^=]+)=.* cannot also be provided when using (--\S+)$/.exec(several);
  if (together) return `--${together[1]} and ${together[2]} cannot both be given`;
  return several.charAt(0).toLowerCase() + several.slice(1);
}
