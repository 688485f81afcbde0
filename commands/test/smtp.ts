import { Flags } from '@oclif/core';
import { storedEstate } from '../../src/admin/test-routing.js';
import { UsherCommand } from '../../src/cli/base-command.js';
import { paint } from '../../src/cli/output.js';
import { exitCodes } from '../../src/errors.js';
import type { ConnectorTest } from '../../src/runtime/test-connector.js';

export default class TestSmtp extends UsherCommand {
  static override summary = "speak to a send connector's next hops, up to the recipient and never further";
  static override description =
    'Connects from this host, without a running front end, to every host in the order in which mail would try them (20 at most), and prints what is said, TLS and certificate. No message is sent. A password from the environment is read from that of this command. Without --to it stops after the sender, which needs smart hosts. Exit code 7: no host accepts.';
  static override examples = [
    '<%= config.bin %> test smtp --connector Provider',
    '<%= config.bin %> test smtp --connector Internet --to kim@fabrikam.com',
    "<%= config.bin %> test smtp --connector Internet --to kim@fabrikam.com --from '<>' --on CAS1 --json",
  ];
  static override flags = {
    connector: Flags.string({
      description: 'the send connector; it may be disabled',
      required: true,
      helpValue: 'NAME',
    }),
    to: Flags.string({ description: 'the recipient that hosts are asked to take', helpValue: 'ADDRESS' }),
    from: Flags.string({
      description: 'the sender; <> is the empty one; postmaster of the default domain unless given',
      helpValue: 'ADDRESS',
    }),
    on: Flags.string({ description: 'the front end whose name is told', helpValue: 'FRONTEND' }),
  };

  async run(): Promise<ConnectorTest> {
    const { flags } = await this.parse(TestSmtp);
    const { connector, to, from, on } = flags;
    const { testConnector } = await import('../../src/runtime/test-connector.js');
    const { connectorTestText } = await import('../../src/runtime/connector-test-text.js');
    const answer = await this.withStore(flags, 'read', (store) =>
      testConnector(storedEstate(store, undefined), { connector, to, from, on }),
    );
    this.say(connectorTestText(answer, paint));
    if (!answer.hosts.some(({ outcome }) => outcome === 'accepted')) process.exitCode = exitCodes.no;
    return answer;
  }
}
