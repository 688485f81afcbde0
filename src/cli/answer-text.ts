import type { Answer } from '../admin/test-routing.js';
import type { Reply, Target } from '../routing/decision.js';
import { isPositive } from '../routing/decision.js';
import { paint } from './output.js';

const targetText = (targets: readonly Target[]): string =>
  targets.map(({ server, host, port }) => `${server} (${host}:${port})`).join(', ');

const replyText = ({ code, enhanced, text }: Reply): string =>
  [code, enhanced, text].filter((part) => part !== null).join(' ');

/** The way from the question to the answer, step by step, then the answer: for people. */
export function answerText(answer: Answer): string {
  const width = Math.max(0, ...answer.trace.map((step) => step.rule.length));
  const lines = answer.trace.map(({ rule, detail }) => `  ${paint('dim', rule.padEnd(width))}  ${detail}`);
  const good = isPositive(answer.outcome);
  const end = [paint(good ? 'green' : 'red', answer.outcome)];
  if (answer.targets.length > 0) end.push(`to ${targetText(answer.targets)}`);
  if (answer.location !== null) end.push(`to ${answer.location}`);
  if (answer.reply !== null) end.push(replyText(answer.reply));
  lines.push(end.join(' '));
  for (const set of answer.fallback) lines.push(`then ${targetText(set)}`);
  return `${lines.join('\n')}\n`;
}
