import type { Decision, Reply, Target, TraceStep } from '../routing/decision.js';
import { isPositive } from '../routing/decision.js';
import { paint } from './output.js';

const targetText = (targets: readonly Target[]): string =>
  targets.map(({ server, host, port }) => `${server} (${host}:${port})`).join(', ');

const replyText = ({ code, enhanced, text }: Reply): string =>
  [code, enhanced, text].filter((part) => part !== null).join(' ');

/** So many steps of one kind are shown, and how many more there were. */
const likeStepsMax = 8;

function stepLines(steps: readonly TraceStep[]): string[] {
  const width = Math.max(0, ...steps.map((step) => step.rule.length));
  const counts = new Map<string, number>();
  for (const { rule } of steps) counts.set(rule, (counts.get(rule) ?? 0) + 1);
  const shown = new Map<string, number>();
  return steps.flatMap(({ rule, detail }) => {
    const nth = (shown.get(rule) ?? 0) + 1;
    shown.set(rule, nth);
    const more = (counts.get(rule) ?? 0) - likeStepsMax;
    if (more > 1 && nth > likeStepsMax + 1) return [];
    const words = more > 1 && nth === likeStepsMax + 1 ? `and ${more} more` : detail;
    return [`  ${paint('dim', rule.padEnd(width))}  ${words}`];
  });
}

function endLines(decision: Decision): string[] {
  const end = [paint(isPositive(decision.outcome) ? 'green' : 'red', decision.outcome)];
  if (decision.connector !== null) end.push(`by connector "${decision.connector}"`);
  if (decision.targets.length > 0) end.push(`to ${targetText(decision.targets)}`);
  if (decision.location !== null) end.push(`to ${decision.location}`);
  if (decision.reply !== null) end.push(replyText(decision.reply));
  return [end.join(' '), ...decision.fallback.map((set) => `then ${targetText(set)}`)];
}

/** The way from the question to the answer, step by step, then the answer; one after the other where there are several. */
export function answerText(answer: Decision): string {
  const routes = answer.routes ?? [answer];
  return `${routes.flatMap((route) => [...stepLines(route.trace), ...endLines(route)]).join('\n')}\n`;
}
