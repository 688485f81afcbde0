import { Buffer } from 'node:buffer';
import type { Dialogue } from './corpus.js';

const characters = ['+', ' ', '\t', '\n', '\r', '\0', ';', ',', ':', '-', 'x', '0', '"', '\x0b', '\x80'];

/**
 * Every line of a dialogue with every character that a reader may stumble over at its start, behind its colon and at its
 * end, also in place of its CR or LF, and with every one of the words in front of it: one change a dialogue.
 */
export function splices(dialogue: Dialogue, words: readonly string[]): readonly Dialogue[] {
  return dialogue.flatMap((line, index) => {
    const end = line.indexOf('\r\n');
    const colon = line.indexOf(': ');
    const places = [0, end, colon, colon < 0 ? -1 : colon + 2].filter((place) => place >= 0);
    const inserted = places.flatMap((place) => characters.map((character) => replace(line, place, 0, character)));
    const replaced = [end, end + 1].flatMap((place) =>
      characters.map((character) => replace(line, place, 1, character)),
    );
    const spliced = words.map((word) => [Buffer.from(word, 'latin1'), line]);
    const changed = end < 0 ? inserted : [...inserted, ...replaced];
    return [...changed.map((other) => [other]), ...spliced].map((lines) => dialogue.toSpliced(index, 1, ...lines));
  });
}

const replace = (line: Buffer, place: number, count: number, text: string): Buffer =>
  Buffer.concat([line.subarray(0, place), Buffer.from(text, 'latin1'), line.subarray(place + count)]);
