import type { FilterVerdict } from '../topology/screening.js';

export const pass: FilterVerdict = { kind: 'pass' };

export function block(code: number, enhanced: string, text: string, why: string): FilterVerdict {
  return { kind: 'block', why, reply: { code, enhanced, text } };
}

/** The same verdict; a block ends the connection. */
export const thenClose = (verdict: FilterVerdict): FilterVerdict =>
  verdict.kind === 'block' ? { ...verdict, thenClose: true } : verdict;
