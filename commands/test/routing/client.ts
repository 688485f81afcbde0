import { Flags } from '@oclif/core';
import type { Answer } from '../../../src/admin/test-routing.js';
import { testClientRouting } from '../../../src/admin/test-routing.js';
import { readInput } from '../../../src/cli/read-input.js';
import { RoutingCommand, routingFlags } from '../../../src/cli/routing-command.js';

export default class TestRoutingClient extends RoutingCommand {
  static override summary = 'where would this request or login go, and why';
  static override description =
    'The answer comes from the code that carries the traffic. Exit code 7: it would go nowhere.';
  static override examples = [
    '<%= config.bin %> test routing client --protocol imap --user ann@contoso.com',
    '<%= config.bin %> test routing client --protocol owa --user ann@contoso.com --url https://mail.contoso.com/owa/',
    "<%= config.bin %> test routing client --url /owa/auth.owa --body 'username=ann@contoso.com'",
  ];
  static override flags = {
    ...routingFlags,
    protocol: Flags.string({
      description:
        'owa, ecp, ews, eas, mapi, rpc, oab, autodiscover, powershell, imap, pop, or an http-service of the estate; ' +
        'without it the path of the URL decides',
      helpValue: 'PROTOCOL',
    }),
    user: Flags.string({ description: 'the login', helpValue: 'LOGIN' }),
    url: Flags.string({ description: 'the URL that is asked for', helpValue: 'URL' }),
    header: Flags.string({
      description: 'a header of the request',
      multiple: true,
      multipleNonGreedy: true,
      helpValue: "'NAME: VALUE'",
      default: [],
    }),
    method: Flags.string({ description: 'the method of the request; GET, or POST with a body', helpValue: 'METHOD' }),
    body: Flags.string({
      description: 'the body of the request (a form unless a header says otherwise); @FILE: the text of a file',
      helpValue: 'TEXT|@FILE',
    }),
  };

  async run(): Promise<Answer> {
    const { flags } = await this.parse(TestRoutingClient);
    const { on, down, protocol, user, url, method, header: headers } = flags;
    const body = flags.body?.startsWith('@') ? readInput(flags.body.slice(1)).text : flags.body;
    return this.answer(flags, (estate) =>
      testClientRouting(estate, { on, down, protocol, user, url, headers, method, body }),
    );
  }
}
