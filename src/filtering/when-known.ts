import type { Awaitable } from './protocol-agent.js';

/** Whether an answer must be waited for. */
export function isPromise<T>(value: Awaitable<T>): value is Promise<T> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';
}

/** Goes on with an answer: at once when it is there. */
export function whenKnown<T, U>(answer: Awaitable<T>, next: (value: T) => Awaitable<U>): Awaitable<U> {
  return isPromise(answer) ? answer.then(next) : next(answer);
}

/** Asks one after the other until `isEnough` says so of an answer, or all were asked. */
export function askInTurn<A, T>(
  asked: readonly A[],
  ask: (of: A) => Awaitable<T>,
  isEnough: (answer: T) => boolean,
  from = 0,
): Awaitable<void> {
  for (let index = from; index < asked.length; index++) {
    const answer = ask(asked[index] as A);
    if (isPromise(answer)) {
      return answer.then((later) => (isEnough(later) ? undefined : askInTurn(asked, ask, isEnough, index + 1)));
    }
    if (isEnough(answer)) return undefined;
  }
  return undefined;
}
