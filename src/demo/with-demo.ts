import { type Demo, type DemoOptions, startDemo } from './start-demo.js';

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** How long sessions may take to end after a signal; a second signal ends the process at once. */
const drainMs = 1000;

/** Lends a demo, which ends when `use` has, or at a signal. */
export async function withDemo<T>(options: DemoOptions, use: (demo: Demo) => Promise<T>): Promise<T> {
  let signalled = false;
  let demo: Demo | undefined;
  const onSignal = (): void => {
    if (signalled) process.exit(1);
    signalled = true;
    void demo?.stop(drainMs);
  };
  for (const signal of signals) process.on(signal, onSignal);
  try {
    demo = await startDemo(options);
    if (signalled) void demo.stop(0);
    return await use(demo);
  } finally {
    await demo?.stop(0);
    for (const signal of signals) process.off(signal, onSignal);
  }
}
