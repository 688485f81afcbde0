import type { ClientTrace } from './client-options.js';
import { clientReplies } from './client-replies.js';
import type { CommandInput } from './command-input.js';
import { traceOfCommand } from './command-trace.js';
import type { SmtpReply } from './replies.js';
import { type ParsedCommand, parseCommand } from './syntax.js';

export type ReadCommand =
  | ParsedCommand
  | { readonly kind: 'more' }
  /** A line within AUTH, a character a byte. */
  | { readonly kind: 'response'; readonly text: string }
  | { readonly kind: 'close'; readonly reply: SmtpReply; readonly reason: string };

const more: ReadCommand = { kind: 'more' };

/** Reads command lines and shows them to the trace. */
export class CommandReader {
  readonly #input: CommandInput;
  readonly #trace: ClientTrace | undefined;
  #auth: 'seen' | 'not-seen' = 'not-seen';

  constructor(input: CommandInput, trace: ClientTrace | undefined) {
    this.#input = input;
    this.#trace = trace;
  }

  next(kind: 'command' | 'response'): ReadCommand {
    const line = this.#input.nextLine(kind);
    switch (line.kind) {
      case 'more':
        return more;
      case 'endless':
        this.#trace?.('<', '<line without an end>');
        return { kind: 'close', reply: clientReplies.lineTooLong, reason: 'a line without an end' };
      case 'too-long':
        this.#trace?.('<', `<line of ${line.sizeBytes} bytes>`);
        return { kind: 'refused', reply: clientReplies.lineTooLong };
      case 'line':
        break;
    }
    if (kind === 'command') return this.#command(line.text);
    this.#trace?.('<', '*');
    // RFC 4954 §4: `*` cancels.
    return line.text === '*'
      ? { kind: 'refused', reply: clientReplies.cancelled }
      : { kind: 'response', text: line.text };
  }

  #command(text: string): ReadCommand {
    this.#trace?.('<', traceOfCommand(text, this.#auth));
    const command = parseCommand(text);
    if (command.kind === 'command' && command.verb === 'AUTH') this.#auth = 'seen';
    return command;
  }
}
