import * as Flags from '@oclif/core/flags';
import { UsherCommand } from '../src/cli/base-command.js';
import { paint } from '../src/cli/output.js';
import type { DemoGuide } from '../src/demo/demo-guide.js';
import type { ScriptReport } from '../src/demo/demo-script.js';
import type { DemoOptions } from '../src/demo/start-demo.js';
import { UsherError } from '../src/errors.js';

export default class Demo extends UsherCommand {
  static override summary = 'a small estate with its own mailbox servers, ready to try';
  static override description =
    'Everything runs in this process, on loopback, with a store of its own in the temporary folder; Ctrl-C ends it and leaves nothing behind. With --script it tries itself and says whether every server was the one that "test routing" had named.';
  static override examples = ['<%= config.bin %> demo', '<%= config.bin %> demo --script'];
  static override baseFlags = {
    ...UsherCommand.baseFlags,
    store: Flags.string({ hidden: true }),
    socket: Flags.string({ hidden: true }),
  };
  static override flags = {
    script: Flags.boolean({ description: 'do the five things to try, check them, and end' }),
    'port-base': Flags.integer({
      description: 'the doors are at this number plus 25, 80, 110, 143 and 993, where those ports are free',
      default: 10_000,
      min: 1024,
      max: 64_000,
      helpValue: 'N',
    }),
  };

  #document: unknown;

  async run(): Promise<DemoGuide | ScriptReport> {
    const { flags } = await this.parse(Demo);
    this.setQuiet(flags);
    if (flags.store !== undefined || flags.socket !== undefined) {
      throw new UsherError(
        'usage',
        'usage',
        'the demo has a store and a control socket of its own; leave out --store and --socket',
      );
    }
    const options = { portBase: flags['port-base'], version: this.config.version };
    return flags.script ? this.#script(options) : this.#wait(options);
  }

  async #script(options: DemoOptions): Promise<ScriptReport> {
    const { withDemo } = await import('../src/demo/with-demo.js');
    const { failureOf, runScript } = await import('../src/demo/demo-script.js');
    const { endText, stepText } = await import('../src/demo/script-text.js');
    const report = await withDemo(options, (demo) => runScript(demo, (step) => this.say(stepText(step, paint))));
    this.say(endText(report, paint));
    const failure = failureOf(report);
    if (failure) {
      process.stderr.write(`error: ${failure.message}\n`);
      process.exitCode = failure.exitCode;
    }
    return report;
  }

  async #wait(options: DemoOptions): Promise<DemoGuide> {
    const { withDemo } = await import('../src/demo/with-demo.js');
    const { demoGuide, guideText } = await import('../src/demo/demo-guide.js');
    const { programName } = await import('../src/demo/program-name.js');
    return withDemo(options, async (demo) => {
      const guide = demoGuide(demo, options.portBase, programName());
      if (this.jsonEnabled()) this.logJson(guide);
      else this.say(guideText(guide, paint));
      await demo.stopped;
      return guide;
    });
  }

  /** The guide is printed when the doors are open, and not again at the end. */
  override logJson(json: unknown): void {
    if (json === this.#document) return;
    this.#document = json;
    super.logJson(json);
  }
}
