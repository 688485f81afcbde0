import { assert, property, string } from 'fast-check';
import { describe, expect, test } from 'vitest';
import { countOf, fieldValue, joinedValue, keyOf, tokenKeyOf } from '../../../src/protocols/http/field-names.js';

const fields = ['A', '1', 'Cookie', 'a=b', 'a', '2', 'COOKIE', 'c=d', 'Content-Length', '5'];

describe('field names', () => {
  test('are compared without regard to case', () => {
    expect([fieldValue(fields, 'a'), fieldValue(fields, 'content-length'), fieldValue(fields, 'b')]).toEqual([
      '1',
      '5',
      undefined,
    ]);
    expect([countOf(fields, 'a'), countOf(fields, 'cookie'), countOf(fields, 'b')]).toEqual([2, 2, 0]);
    expect([joinedValue(fields, 'a'), joinedValue(fields, 'cookie'), joinedValue(fields, 'b')]).toEqual([
      '1, 2',
      'a=b; c=d',
      undefined,
    ]);
  });

  test('have the same key whether it was asked for before or not, however many there were', () => {
    assert(
      property(string({ unit: 'binary-ascii', maxLength: 80 }), (name) => {
        const isToken = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(name);
        for (const _ of [1, 2]) {
          expect(keyOf(name)).toBe(name.toLowerCase());
          expect(tokenKeyOf(name)).toBe(isToken ? name.toLowerCase() : undefined);
        }
      }),
    );
    for (let index = 0; index < 5000; index += 1) expect(keyOf(`X-Name-${index}`)).toBe(`x-name-${index}`);
    expect([keyOf('Content-Length'), keyOf('X-Name-1')]).toEqual(['content-length', 'x-name-1']);
  });
});
