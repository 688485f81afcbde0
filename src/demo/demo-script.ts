import { reasonOf, UsherError } from '../errors.js';
import { failOver, openWeb, readOverImap, sendOverSmtp } from './demo-actions.js';
import { scriptUser } from './script-cast.js';
import type { ActionResult, Sighting } from './sighting.js';
import type { Demo } from './start-demo.js';

export interface DemoStep {
  readonly number: number;
  readonly name: string;
  readonly did: readonly string[];
  readonly sightings: readonly Sighting[];
  /** What was not as it should be; null when all was. */
  readonly problem: string | null;
}

/** What `--script` found; `failed` names the step that did not see what it should. */
export interface ScriptReport {
  readonly user: string;
  readonly steps: readonly DemoStep[];
  readonly failed: string | null;
}

type Action = (demo: Demo, seen: readonly Sighting[]) => Promise<ActionResult>;

const plan: readonly { readonly name: string; readonly actions: readonly Action[] }[] = [
  { name: 'send a message', actions: [(demo) => sendOverSmtp(demo, 'first')] },
  { name: 'read it over IMAP', actions: [(demo, seen) => readOverImap(demo, 'first', lastOf(seen, 'mail'), 1)] },
  { name: 'open a page over HTTP', actions: [(demo) => openWeb(demo)] },
  { name: 'fail the database over', actions: [(demo) => failOver(demo)] },
  {
    name: 'see the same commands land on the other server',
    actions: [
      (demo) => sendOverSmtp(demo, 'second'),
      (demo, seen) => readOverImap(demo, 'second', lastOf(seen, 'mail'), 2),
      (demo) => openWeb(demo),
    ],
  },
];

/** Does the five things through the demo's doors, up to the first that does not see what it should. */
export async function runScript(demo: Demo, onStep: (step: DemoStep) => void): Promise<ScriptReport> {
  const steps: DemoStep[] = [];
  for (const [index, { name, actions }] of plan.entries()) {
    const step = await takeStep(
      demo,
      { number: index + 1, name },
      actions,
      steps.flatMap(({ sightings }) => sightings),
    );
    steps.push(step);
    onStep(step);
    if (step.problem !== null)
      return { user: scriptUser, steps, failed: `step ${step.number} (${name}): ${step.problem}` };
  }
  return { user: scriptUser, steps, failed: null };
}

async function takeStep(
  demo: Demo,
  title: Pick<DemoStep, 'number' | 'name'>,
  actions: readonly Action[],
  before: readonly Sighting[],
): Promise<DemoStep> {
  const did: string[] = [];
  const sightings: Sighting[] = [];
  for (const action of actions) {
    try {
      const result = await action(demo, [...before, ...sightings]);
      did.push(result.did);
      sightings.push(result.sighting);
    } catch (error) {
      return { ...title, did, sightings, problem: reasonOf(error) };
    }
    const problem = problemOf(sightings.at(-1), before);
    if (problem !== null) return { ...title, did, sightings, problem };
  }
  return { ...title, did, sightings, problem: null };
}

/** A server that `test routing` did not name, or the one from before the failover. */
function problemOf(sighting: Sighting | undefined, before: readonly Sighting[]): string | null {
  if (!sighting) return 'nothing was seen';
  const { service, predicted, saw } = sighting;
  if (!predicted.includes(saw)) {
    return `${service} was answered by ${saw || 'nobody known'} where test routing had named ${predicted.join(', ') || 'nobody'}`;
  }
  const earlier = lastOf(before, service);
  const moved = before.some((other) => other.service === 'database');
  return moved && earlier?.saw === saw ? `${service} is still answered by ${saw}` : null;
}

function lastOf(seen: readonly Sighting[], service: Sighting['service']): Sighting | undefined {
  return seen.findLast((sighting) => sighting.service === service);
}

/** The failure of a report as an error, or undefined. */
export function failureOf({ failed }: ScriptReport): UsherError | undefined {
  return failed === null ? undefined : new UsherError('failed', 'demo-failed', failed);
}
