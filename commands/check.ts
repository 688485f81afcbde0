import type { EstateFinding } from '../src/admin/check-estate.js';
import { checkEstate, findingText } from '../src/admin/check-estate.js';
import { UsherCommand } from '../src/cli/base-command.js';
import { formatTable, onTerminal } from '../src/cli/output.js';
import { exitCodes } from '../src/errors.js';

export default class Check extends UsherCommand {
  static override summary = 'what is wrong or odd in the estate, and the way out';
  static override description =
    'Looks at the whole estate: every object, the mailboxes, and the certificate files as this machine has them. Exit code 7: it found errors; warnings alone leave it 0.';
  static override examples = ['<%= config.bin %> check', '<%= config.bin %> check --json'];

  async run(): Promise<EstateFinding[]> {
    const { flags } = await this.parse(Check);
    const findings = await this.withStore(flags, 'read', (store) => checkEstate(store, new Date()));
    this.say(findings.length === 0 ? 'nothing is wrong or odd\n' : findingsText(findings));
    if (findings.some(({ severity }) => severity === 'error')) process.exitCode = exitCodes.no;
    return findings;
  }
}

function findingsText(findings: readonly EstateFinding[]): string {
  if (!onTerminal()) return findings.map((finding) => `${findingText(finding)}\n`).join('');
  const rows = findings.map(({ severity, object, path, message }) => [severity, `${object} ${path}`.trim(), message]);
  return formatTable(['severity', 'object', 'message'], rows, true);
}
