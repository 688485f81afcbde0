import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { unknownCommand } from '../../src/cli/unknown-command.js';

const known = {
  commandIDs: ['init', 'site:create', 'site:list', 'site:show', 'test:routing:mail', 'test:routing:client'],
  topics: [{ name: 'site' }, { name: 'test' }, { name: 'test:routing' }],
};

describe('words that name no command', () => {
  test('are answered with one line and ways that exist, whatever they are', () => {
    const word = fc.oneof(
      fc.string({ maxLength: 300 }),
      fc.constantFrom('site', 'test', 'routing', 'list', 'init', '--json'),
    );
    fc.assert(
      fc.property(fc.array(word, { minLength: 1, maxLength: 20 }), (words) => {
        const { kind, suggestions } = unknownCommand(words, known);
        expect(kind).toBe('usage');
        for (const suggestion of suggestions) {
          const said = suggestion
            .replace(/^usher /, '')
            .replace(/ --help$/, '')
            .replaceAll(' ', ':');
          expect([...known.commandIDs, ...known.topics.map(({ name }) => name), '--help']).toContain(
            suggestion === 'usher --help' ? '--help' : said,
          );
        }
      }),
    );
  });

  test('with one letter wrong suggest what was meant', () => {
    const typo = fc
      .constantFrom(...known.commandIDs)
      .chain((id) =>
        fc.tuple(fc.constant(id), fc.integer({ min: 0, max: id.length - 1 }), fc.constantFrom('q', 'x', 'z')),
      );
    fc.assert(
      fc.property(typo, ([id, at, letter]) => {
        fc.pre(id[at] !== ':');
        const words = `${id.slice(0, at)}${letter}${id.slice(at + 1)}`.split(':');
        expect(unknownCommand(words, known).suggestions).toStrictEqual([`usher ${id.replaceAll(':', ' ')}`]);
      }),
    );
  });
});
