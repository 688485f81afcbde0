/** The part of an answer that must be so; what it does not name is free. */
export type Expectation = Readonly<Record<string, unknown>>;

interface Answered {
  readonly targets?: ReadonlyArray<{ readonly server: string; readonly host: string; readonly port: number }>;
  readonly fallback?: ReadonlyArray<ReadonlyArray<{ readonly server: string }>>;
  readonly recipients?: ReadonlyArray<Readonly<Record<string, unknown>>>;
  readonly trace?: ReadonlyArray<{ readonly rule: string; readonly detail: string }>;
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const names = (targets: ReadonlyArray<{ readonly server: string }> | undefined): string =>
  (targets ?? [])
    .map((target) => target.server)
    .sort()
    .join(' ');

const setOf = (value: unknown): string => [...(value as readonly string[])].sort().join(' ');

function plain(path: string, wanted: unknown, found: unknown): string[] {
  if (isObject(wanted) && typeof wanted['matches'] === 'string') {
    return new RegExp(wanted['matches']).test(String(found))
      ? []
      : [`${path}: ${String(found)} does not match ${wanted['matches']}`];
  }
  if (isObject(wanted)) {
    return Object.entries(wanted).flatMap(([key, value]) =>
      plain(`${path}.${key}`, value, isObject(found) ? found[key] : undefined),
    );
  }
  if (typeof wanted === 'string' && /^\dxx$/.test(wanted)) {
    return String(found).startsWith(wanted.charAt(0)) ? [] : [`${path}: ${String(found)} is no ${wanted}`];
  }
  const same = JSON.stringify(wanted ?? null) === JSON.stringify(found ?? null);
  return same ? [] : [`${path}: expected ${JSON.stringify(wanted)}, found ${JSON.stringify(found)}`];
}

function recipients(wanted: unknown, found: Answered): string[] {
  return (wanted as ReadonlyArray<Readonly<Record<string, unknown>>>).flatMap((expected) => {
    const address = String(expected['address']).toLowerCase();
    const actual = found.recipients?.find((recipient) => String(recipient['address']).toLowerCase() === address);
    return plain(`recipients[${address}]`, { ...expected, address: actual?.['address'] }, actual);
  });
}

function fallback(wanted: unknown, found: Answered, ends: boolean): string[] {
  const sets = (wanted as readonly unknown[]).map(setOf);
  const actual = (found.fallback ?? []).map(names);
  const compared = ends ? actual : actual.slice(0, sets.length);
  return plain('fallback', sets, compared);
}

/** How an answer differs from what is expected of it, in words; nothing when it fits. */
export function mismatches(expected: Expectation, answer: Readonly<Record<string, unknown>>, exit: number): string[] {
  const found = answer as Answered;
  return Object.entries(expected).flatMap(([key, wanted]) => {
    switch (key) {
      case 'targets':
        return plain('targets', setOf(wanted), names(found.targets));
      case 'port':
        return (found.targets ?? []).flatMap((target) => plain(`port of ${target.server}`, wanted, target.port));
      case 'targetHost':
        return (found.targets ?? []).flatMap((target) => plain(`host of ${target.server}`, wanted, target.host));
      case 'fallback':
        return fallback(wanted, found, expected['fallbackEnds'] === true);
      case 'fallbackEnds':
        return [];
      case 'recipients':
        return recipients(wanted, found);
      case 'exit':
        return plain('exit', wanted, exit);
      case 'traceMentions': {
        const steps = (found.trace ?? []).map(({ rule, detail }) => `${rule} ${detail}`);
        const left = (wanted as readonly string[]).filter((text) => !steps.some((step) => step.includes(text)));
        return left.map((text) => `trace: no step mentions ${text}`);
      }
      case 'anyOf': {
        const tried = (wanted as readonly Expectation[]).map((choice) => mismatches(choice, answer, exit));
        return tried.some((differences) => differences.length === 0) ? [] : tried.flat();
      }
      case 'not':
        return mismatches(wanted as Expectation, answer, exit).length > 0
          ? []
          : [`not: ${JSON.stringify(wanted)} fits`];
      default:
        return plain(key, wanted, answer[key]);
    }
  });
}
