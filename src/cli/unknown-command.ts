import { UsherError } from '../errors.js';
import { nearestName } from '../topology/names.js';

/** What there is to be found: ids of commands and names of topics, their words divided by colons. */
export interface KnownCommands {
  readonly commandIDs: readonly string[];
  readonly topics: ReadonlyArray<{ readonly name: string }>;
}

const suggestionCountMax = 8;

/** The error of words that name no command (exit 2): what stands nearest to them is suggested. */
export function unknownCommand(words: readonly string[], known: KnownCommands): UsherError {
  const commands = known.commandIDs.map((id) => id.replaceAll(':', ' '));
  const topics = known.topics.map(({ name }) => name.replaceAll(':', ' '));
  const typed = words.join(' ');
  if (words[0]?.startsWith('-'))
    return usage(`flags stand after the command; "${words[0]}" came first`, ['usher --help']);
  const command = longestStart(words, commands);
  if (command !== undefined) {
    const rest = words.slice(command.split(' ').length).join(' ');
    return usage(`"usher ${command}" takes no argument "${rest}"`, [`usher ${command} --help`]);
  }
  const nearest = nearestCommand(words, [...commands, ...topics]);
  if (nearest !== undefined)
    return usage(`there is no command "${typed}" (did you mean "${nearest}"?)`, [`usher ${nearest}`]);
  const topic = longestStart(words, topics);
  const there = commands.filter((id) => id.startsWith(`${topic} `)).slice(0, suggestionCountMax);
  if (there.length > 0)
    return usage(
      `there is no command "${typed}"`,
      there.map((id) => `usher ${id}`),
    );
  return usage(`there is no command "${typed}"`, ['usher --help']);
}

const usage = (message: string, suggestions: readonly string[]): UsherError =>
  new UsherError('usage', 'unknown-command', message, suggestions);

/** The longest of the names that the words begin with. */
function longestStart(words: readonly string[], names: readonly string[]): string | undefined {
  return words.map((_, index) => words.slice(0, words.length - index).join(' ')).find((start) => names.includes(start));
}

/** What the first of the words nearly say, as many as possible; also with noun and verb the wrong way round. */
function nearestCommand(words: readonly string[], names: readonly string[]): string | undefined {
  for (let length = words.length; length > 0; length--) {
    const start = words.slice(0, length);
    if (names.includes(start.join(' '))) return undefined;
    const alike = names.filter((name) => name.split(' ').length === length);
    const nearest = nearestName(start.join(' '), alike) ?? nearestName(start.toReversed().join(' '), alike);
    if (nearest !== undefined) return nearest;
  }
  return undefined;
}
