import { type Arbitrary, constantFrom, tuple, uint8Array } from 'fast-check';
import { tortureMessage, tortureNames } from './torture-message.js';

const words = ['\r\n', '\r', '\n', ' ', '\t', ';', ',', '"', '<', '>', '\\', ':', '=', '[', '\0', 'Via: ', 'l: 9', '@'];

/** Messages of RFC 4475 with a few words put in or over what was there, in Latin-1. */
export const mutatedMessages: Arbitrary<string> = tuple(
  constantFrom(...tortureNames()),
  uint8Array({ minLength: 3, maxLength: 30 }),
).map(([name, dice]) => {
  let text = tortureMessage(name).toString('latin1');
  for (let at = 0; at + 2 < dice.length; at += 3) {
    const [high = 0, low = 0, roll = 0] = dice.subarray(at);
    const place = Math.floor(((high * 256 + low) / 65_536) * text.length);
    const word = words[roll % words.length] ?? '';
    text = text.slice(0, place) + word + text.slice(place + (roll > 127 ? word.length : 0));
  }
  return text;
});
