import { Buffer } from 'node:buffer';
import { array, assert, constantFrom, property } from 'fast-check';
import { describe, expect, test } from 'vitest';
import { AnswerReader } from '../../../src/protocols/http/head-reader.js';
import type { AnswerHead } from '../../../src/protocols/http/http-message.js';
import { cut, cuts } from './cut.js';
import { headLimits } from './read-all.js';

function read(text: string, method = 'GET'): AnswerHead | number {
  const step = new AnswerReader(headLimits).read(Buffer.from(text, 'latin1'), 0, method);
  switch (step.kind) {
    case 'more':
      return 0;
    case 'refused':
      return step.refusal.status;
    case 'head':
      return step.head;
  }
}

const answer = (line: string, ...lines: string[]): string => [line, ...lines, '', ''].join('\r\n');

describe('a status line', () => {
  test.each([
    ['HTTP/1.1 200 OK', '1.1', 200, 'OK'],
    ['HTTP/1.1 200 ', '1.1', 200, ''],
    ['HTTP/1.1 200', '1.1', 200, ''],
    ['HTTP/1.0 404 Nicht\tda \xe9', '1.0', 404, 'Nicht\tda \xe9'],
    ['HTTP/1.1 451 a  b ', '1.1', 451, 'a  b '],
    ['HTTP/1.1 599 x', '1.1', 599, 'x'],
  ])('%j', (line, version, status, reason) => {
    expect(read(answer(line))).toMatchObject({ version, status, reason });
  });

  test.each([
    ...['HTTP/1.1 600 x', 'HTTP/1.1 099 x', 'HTTP/1.1 20 x', 'HTTP/1.1 2000 x', 'HTTP/1.1  200 OK', 'http/1.1 200 OK'],
    ...['HTTP/2.0 200 OK', 'HTTP/1.2 200 OK', 'HTTP/1.1\t200 OK', 'HTTP/1.1 200\tOK', ' HTTP/1.1 200 OK', '', 'x'],
    ...['HTTP/1.1 200 O\0K', 'HTTP/1.1 200 O\rK', 'HTTP/1.1 200 OK\nA: 1', `HTTP/1.1 200 ${'x'.repeat(17_000)}`],
  ])('%.40j is refused', (line) => {
    expect(read(answer(line, 'A: 1'))).toBe(502);
  });
});

describe("an answer's framing", () => {
  const none = { kind: 'none' };
  const chunked = 'Transfer-Encoding: chunked';
  const five = 'Content-Length: 5';

  test.each([
    ['GET', '1.1 200', [five], { kind: 'length', length: 5 }, true],
    ['GET', '1.1 200', [five, 'Connection: close'], { kind: 'length', length: 5 }, false],
    ['GET', '1.1 200', [chunked], { kind: 'chunked' }, true],
    ['GET', '1.1 200', [], { kind: 'until-close' }, false],
    ['GET', '1.0 200', [five], { kind: 'length', length: 5 }, false],
    ['GET', '1.0 200', [five, 'Connection: keep-alive'], { kind: 'length', length: 5 }, true],
    ['HEAD', '1.1 200', [five], none, true],
    ['HEAD', '1.1 200', [chunked], none, true],
    ['HEAD', '1.1 200', [], none, true],
    ['GET', '1.1 304', [five], none, true],
    ['GET', '1.1 204', [], none, true],
    ['GET', '1.1 204', ['Content-Length: 0'], none, true],
    ['GET', '1.1 204', [five], none, false],
    ['GET', '1.1 204', [chunked], none, false],
    ['POST', '1.1 100', [], none, true],
    ['GET', '1.1 101', ['Connection: Upgrade', 'Upgrade: websocket'], none, true],
  ])('to %s, %s %j', (method, line, lines, framing, isPersistent) => {
    expect(read(answer(`HTTP/${line} x`, ...lines), method)).toMatchObject({ framing, isPersistent });
  });

  test.each([
    [five, five],
    [five, chunked],
    ['Content-Length: 5, 5'],
    ['Content-Length: +5'],
    ['Transfer-Encoding: gzip, chunked'],
    [chunked, chunked],
    ['A : 1'],
    [' A: 1'],
  ])('of %j, %j is refused', (...lines) => {
    expect(read(answer('HTTP/1.1 200 OK', ...lines.filter((line) => line !== undefined)))).toBe(502);
    expect(read(answer('HTTP/1.1 200 OK', ...lines.filter((line) => line !== undefined)), 'HEAD')).toBe(502);
  });

  test('of HTTP/1.0 has no transfer coding', () => {
    expect(read(answer('HTTP/1.0 200 OK', chunked))).toBe(502);
  });
});

test('answers follow one another, and are the same however they are cut', () => {
  const piece = constantFrom('HTTP/1.1 100 Continue\r\n\r\n', 'HTTP/1.1 304 x\r\nA: 1\r\n', '\r\n', 'B: 2\r\n', '\n');
  const readHeads = (chunks: readonly Buffer[]): readonly (AnswerHead | string)[] => {
    const reader = new AnswerReader(headLimits);
    const heads: (AnswerHead | string)[] = [];
    for (const chunk of chunks) {
      for (let at = 0; at < chunk.length; ) {
        const step = reader.read(chunk, at, 'GET');
        if (step.kind === 'refused') return [...heads, step.refusal.text];
        if (step.kind === 'head') heads.push(step.head);
        at = step.kind === 'head' ? step.end : chunk.length;
      }
    }
    return heads;
  };
  assert(
    property(
      array(piece, { maxLength: 12 }).map((pieces) => pieces.join('')),
      cuts,
      (text, lengths) => {
        const whole = readHeads([Buffer.from(text, 'latin1')]);
        expect(readHeads(cut(text, lengths))).toStrictEqual(whole);
        expect(readHeads(cut(text, []))).toStrictEqual(whole);
      },
    ),
  );
});
