// Imported first by a program whose peak memory is wanted: writes it, in bytes, to a file when the program ends.
import { writeFileSync } from 'node:fs';

const file = process.env['PEAK_MEMORY_FILE'];
process.once('exit', () => {
  // getrusage(2) counts in kilobytes.
  if (file !== undefined) writeFileSync(file, String(process.resourceUsage().maxRSS * 1024));
});
