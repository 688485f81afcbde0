#!/usr/bin/env node
import { createRequire } from 'node:module';

// Loaded by require, not import: the loader of ES modules reads a CommonJS package twice.
const require = createRequire(import.meta.url);
const { run } = require('@oclif/core/run');
// Whatever NODE_ENV says, the built program runs; oclif would look for sources else.
require('@oclif/core/settings').settings.enableAutoTranspile = false;

try {
  await run(process.argv.slice(2), import.meta.url);
} catch (error) {
  const { reportFault } = await import('../dist/src/cli/report-fault.js');
  reportFault(error, process.argv.slice(2));
}
