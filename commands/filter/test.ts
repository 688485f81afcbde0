import { Flags } from '@oclif/core';
import type { FilterAnswer } from '../../src/admin/test-filters.js';
import { filterAnswerText, testFilters } from '../../src/admin/test-filters.js';
import { storedEstate } from '../../src/admin/test-routing.js';
import { UsherCommand } from '../../src/cli/base-command.js';
import { UsherError } from '../../src/errors.js';

const several = { multiple: true, multipleNonGreedy: true, default: [] as string[] } as const;

export default class FilterTest extends UsherCommand {
  static override summary = 'what the filters would say of a client, its sender and recipients, and why';
  static override description =
    `The answer comes from the code that the front end runs. Nothing is looked up: DNS lists get the
answers of --dns (other names are not listed), and the SPF filter the result of --spf; without them they are not asked.
Exit code 7: no recipient gets the message.`;
  static override examples = [
    '<%= config.bin %> filter test --client-ip 203.0.113.9 --from kim@fabrikam.com --to ann@contoso.com',
    '<%= config.bin %> filter test --client-ip 203.0.113.9 --to ann@contoso.com --dns 9.113.0.203.zen.dnsbl.example=127.0.0.2',
    '<%= config.bin %> filter test --client-ip 203.0.113.9 --from kim@fabrikam.com --to ann@contoso.com --spf fail',
  ];
  static override flags = {
    'client-ip': Flags.string({ required: true, description: 'address of the client', helpValue: 'IP' }),
    helo: Flags.string({ description: 'the name the client gives', helpValue: 'NAME' }),
    from: Flags.string({ description: 'the sender; <> is the empty one', helpValue: 'ADDRESS' }),
    to: Flags.string({ ...several, description: 'a recipient', helpValue: 'ADDRESS' }),
    dns: Flags.string({
      ...several,
      description: 'an answer for DNS lists: NAME=ADDRESS, NAME=nxdomain, NAME=timeout',
      helpValue: 'ANSWER',
    }),
    spf: Flags.string({
      description: 'the result of the SPF check: pass, fail, softfail, temperror ...',
      helpValue: 'RESULT',
    }),
    header: Flags.string({
      ...several,
      description: 'a header field of the message, such as Received behind a relay of ours',
      helpValue: "'NAME: VALUE'",
    }),
    on: Flags.string({ description: 'the front end that is asked', helpValue: 'FRONTEND' }),
    port: Flags.integer({ description: 'port that the client connected to', default: 25, min: 1, max: 65_535 }),
  };

  async run(): Promise<FilterAnswer> {
    const { flags } = await this.parse(FilterTest);
    const { helo, from, to, dns, spf, header: headers, on, port } = flags;
    const question = { clientIp: flags['client-ip'], helo, from, to, dns, spf, headers, on, port };
    const answer = await this.withStore(flags, 'read', (store) =>
      testFilters(storedEstate(store, undefined), question),
    );
    this.say(filterAnswerText(answer));
    if (answer.outcome !== 'accept') process.exitCode = new UsherError('no', 'no', '').exitCode;
    return answer;
  }
}
