import type { Paint } from './demo-guide.js';
import type { DemoStep, ScriptReport } from './demo-script.js';

/** What a step did, what was said of it beforehand, and what it saw. */
export function stepText(step: DemoStep, paint: Paint): string {
  const lines = [paint('bold', `${step.number} ${step.name}`)];
  for (const [index, { service, predicted, saw, detail }] of step.sightings.entries()) {
    const said = service === 'database' ? 'asked for' : 'test routing said';
    lines.push(
      `  ${step.did[index] ?? ''}`,
      `    ${said} ${predicted.join(' or ') || 'nobody'}, saw ${paint('bold', saw || 'nobody')}`,
      `    ${paint('dim', detail)}`,
    );
  }
  lines.push(step.problem === null ? paint('green', '  as it should be') : paint('red', `  ${step.problem}`));
  return `${lines.join('\n')}\n`;
}

/** The last line. */
export function endText({ steps, failed, user }: ScriptReport, paint: Paint): string {
  if (failed !== null) return `${paint('red', `the demo failed at ${failed}`)}\n`;
  const [before = '', after = ''] = [steps.at(0), steps.at(-1)].map((step) => step?.sightings[0]?.saw);
  const text = `all ${steps.length} steps saw what test routing said: ${user} was answered by ${before}, then by ${after}`;
  return `${paint('green', text)}\n`;
}
