import { Flags } from '@oclif/core';
import { testMailRouting } from '../../../src/admin/test-mail-routing.js';
import type { Answer } from '../../../src/admin/test-routing.js';
import { RoutingCommand, routingFlags } from '../../../src/cli/routing-command.js';

export default class TestRoutingMail extends RoutingCommand {
  static override summary = 'where would this message go, and why';
  static override description =
    'The answer comes from the code that carries the mail. Exit code 7: it would go nowhere.';
  static override examples = [
    '<%= config.bin %> test routing mail --to ann@contoso.com',
    '<%= config.bin %> test routing mail --to ann@contoso.com --from kim@fabrikam.com --client-ip 203.0.113.9 --size 12MB',
  ];
  static override flags = {
    ...routingFlags,
    to: Flags.string({
      description: 'a recipient',
      multiple: true,
      multipleNonGreedy: true,
      required: true,
      helpValue: 'ADDRESS',
    }),
    from: Flags.string({ description: 'the sender; <> is the empty one', helpValue: 'ADDRESS' }),
    user: Flags.string({ description: 'the sender logged on as this user', helpValue: 'LOGIN' }),
    size: Flags.string({ description: 'announced size', helpValue: 'SIZE' }),
    'client-ip': Flags.string({ description: 'address of the client', helpValue: 'IP' }),
    'local-ip': Flags.string({ description: 'address that the client connected to', helpValue: 'IP' }),
    'from-server': Flags.string({
      description: 'ask from the place of this mailbox server',
      helpValue: 'SERVER',
      exclusive: ['on', 'client-ip', 'local-ip', 'user', 'dns'],
    }),
    helo: Flags.string({ description: 'the name the client gives (for SPF)', helpValue: 'NAME', hidden: true }),
    dns: Flags.string({
      description:
        'an answer of DNS for the filters, and for servers whose host is a name: NAME=ADDRESS, NAME=nxdomain, NAME=timeout',
      multiple: true,
      multipleNonGreedy: true,
      helpValue: 'ANSWER',
    }),
    port: Flags.integer({ description: 'port that the client connected to', default: 25, min: 1, max: 65_535 }),
  };

  async run(): Promise<Answer> {
    const { flags } = await this.parse(TestRoutingMail);
    const { on, down, to, from, user, size, port, dns } = flags;
    const place = { clientIp: flags['client-ip'], localIp: flags['local-ip'], fromServer: flags['from-server'] };
    return this.answer(flags, (estate) =>
      testMailRouting(estate, { on, down, to, from, user, size, port, dns, ...place }),
    );
  }
}
