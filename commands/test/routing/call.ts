import * as Flags from '@oclif/core/flags';
import { testCallRouting } from '../../../src/admin/test-call-routing.js';
import type { Answer } from '../../../src/admin/test-routing.js';
import { RoutingCommand, routingFlags } from '../../../src/cli/routing-command.js';

export default class TestRoutingCall extends RoutingCommand {
  static override summary = 'where would this call be redirected to, and why';
  static override description = 'Exit code 7: it would be refused.';
  static override examples = [
    '<%= config.bin %> test routing call --to sip:5000@cas1.contoso.com --diversion sip:5101@10.9.9.9 --from-ip 10.9.9.9',
  ];
  static override flags = {
    ...routingFlags,
    to: Flags.string({ description: 'the request URI', required: true, helpValue: 'URI' }),
    diversion: Flags.string({ description: 'who diverted the call to voice mail', helpValue: 'URI' }),
    'from-ip': Flags.string({ description: 'address of the gateway', helpValue: 'IP' }),
    tls: Flags.boolean({ description: 'the call came over TLS', default: false }),
  };

  async run(): Promise<Answer> {
    const { flags } = await this.parse(TestRoutingCall);
    const { on, down, to, diversion, tls } = flags;
    return this.answer(flags, (estate) =>
      testCallRouting(estate, { on, down, to, diversion, fromIp: flags['from-ip'], tls }),
    );
  }
}
