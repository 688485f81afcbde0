import * as Args from '@oclif/core/args';
import type { Command } from '@oclif/core/command';
import * as Flags from '@oclif/core/flags';
import type { ChangeResult, Store } from '../admin/change-estate.js';
import { listObjects, nounOf, showObject } from '../admin/read-objects.js';
import type { EstateObject, Noun } from '../topology/catalogue/catalogue.js';
import type { NounName } from '../topology/fields.js';
import type { ChangeFlags, CommonFlags } from './base-command.js';
import { changeFlags, UsherCommand } from './base-command.js';
import { flagsOf, givenOf } from './noun-flags.js';
import { cellText, formatTable, onTerminal } from './output.js';

type CommandClass = Command.Class;

const nameArgument = (noun: Noun) => ({
  name: Args.string({
    required: true,
    ignoreStdin: true,
    description: noun.nameField === 'address' ? `address of the ${noun.name}` : `name of the ${noun.name}`,
  }),
});

interface Parsed<F> {
  readonly args: { readonly name: string };
  readonly flags: F & Readonly<Record<string, unknown>>;
}

/** `usher NOUN create NAME`. */
export function createCommand(name: NounName): CommandClass {
  const noun = nounOf(name);
  return class extends UsherCommand {
    static override summary = `make a ${noun.name}`;
    static override args = nameArgument(noun);
    static override flags = {
      ...changeFlags,
      ...flagsOf(noun),
      'if-missing': Flags.boolean({ description: 'leave it alone when it is there already' }),
    };

    async run(): Promise<ChangeResult> {
      const { args, flags } = (await this.parse(this.ctor)) as unknown as Parsed<ChangeFlags>;
      const request = { noun, name: args.name, given: givenOf(noun, flags) };
      const ifMissing = flags['if-missing'] === true;
      const { createObject } = await import('../admin/objects.js');
      return this.change(flags, (store, meta, options) =>
        createObject(store, request, meta, { ...options, ifMissing }),
      );
    }
  };
}

/** `usher NOUN update NAME`. */
export function updateCommand(name: NounName): CommandClass {
  const noun = nounOf(name);
  return class extends UsherCommand {
    static override summary = `change fields of a ${noun.name}`;
    static override args = nameArgument(noun);
    static override flags = { ...changeFlags, ...flagsOf(noun) };

    async run(): Promise<ChangeResult> {
      const { args, flags } = (await this.parse(this.ctor)) as unknown as Parsed<ChangeFlags>;
      const request = { noun, name: args.name, given: givenOf(noun, flags) };
      const { updateObject } = await import('../admin/objects.js');
      return this.change(flags, (store, meta, options) => updateObject(store, request, meta, options));
    }
  };
}

/** `usher NOUN delete NAME`. */
export function deleteCommand(name: NounName): CommandClass {
  const noun = nounOf(name);
  return class extends UsherCommand {
    static override summary = `delete a ${noun.name} that nothing uses`;
    static override args = nameArgument(noun);
    static override flags = {
      ...changeFlags,
      'if-exists': Flags.boolean({ description: 'say nothing when it is not there' }),
    };

    async run(): Promise<ChangeResult> {
      const { args, flags } = (await this.parse(this.ctor)) as unknown as Parsed<ChangeFlags>;
      const ifExists = flags['if-exists'] === true;
      const { deleteObject } = await import('../admin/objects.js');
      return this.change(flags, (store, meta, options) =>
        deleteObject(store, noun, args.name, meta, { ...options, ifExists }),
      );
    }
  };
}

/** `usher NOUN list`. */
export function listCommand(name: NounName): CommandClass {
  const noun = nounOf(name);
  return class extends UsherCommand {
    static override summary = `list every ${noun.name}`;

    async run(): Promise<readonly EstateObject[]> {
      const { flags } = (await this.parse(this.ctor)) as unknown as { flags: CommonFlags };
      const objects = await this.withStore(flags, 'read', (store) => listObjects(store, noun));
      this.say(listText(noun, objects));
      return objects;
    }
  };
}

/** `usher NOUN show NAME`; `more` is what people, and only they, are told below the object. */
export function showCommand(
  name: NounName,
  more: (store: Store, name: string) => Promise<string> = () => Promise.resolve(''),
): CommandClass {
  const noun = nounOf(name);
  return class extends UsherCommand {
    static override summary = `show a ${noun.name}`;
    static override args = nameArgument(noun);

    async run(): Promise<EstateObject> {
      const { args, flags } = (await this.parse(this.ctor)) as unknown as Parsed<CommonFlags>;
      return this.withStore(flags, 'read', async (store) => {
        const object = showObject(store, noun, args.name);
        if (!this.jsonEnabled()) {
          const { objectText } = await import('../admin/object-text.js');
          this.say(objectText(object) + (await more(store, args.name)));
        }
        return object;
      });
    }
  };
}

/** The fields that fit in a row: names, choices, numbers, lists of names. */
function listText(noun: Noun, objects: readonly EstateObject[]): string {
  const columns = Object.entries(noun.fields)
    .filter(([, { type }]) => !['object', 'record', 'endpoint', 'match', 'any'].includes(type.kind))
    .filter(([, { type }]) => type.kind !== 'list' || type.item.kind !== 'object')
    .map(([field]) => field)
    .slice(0, 7);
  const rows = objects.map((object) => columns.map((column) => cellText(object[column])));
  return formatTable(columns, rows, onTerminal());
}
