import { UsherError } from '../../src/errors.js';

/** The error that something refused ends with; whatever else is thrown goes on. */
export function refusal(work: () => unknown): UsherError {
  try {
    work();
  } catch (error) {
    if (error instanceof UsherError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}
