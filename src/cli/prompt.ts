import { UsherError } from '../errors.js';

/** Whether there is a person to ask: both ends of the conversation are a terminal. */
const canAsk = (): boolean => process.stdin.isTTY && process.stderr.isTTY && !process.env['CI'];

/** Asks on the terminal, by way of standard error; elsewhere the default is the answer. */
export async function askText(wanted: boolean, message: string, initial: string): Promise<string> {
  if (!wanted || !canAsk()) return initial;
  const { default: inquirer } = await import('inquirer');
  const prompt = inquirer.createPromptModule({ output: process.stderr });
  try {
    const { answer } = await prompt([{ type: 'input', name: 'answer', message, default: initial }]);
    return String(answer);
  } catch (error) {
    if (!(error instanceof Error) || error.name !== 'ExitPromptError') throw error;
    throw new UsherError('failed', 'cancelled', 'cancelled; nothing was changed', [], { cause: error });
  }
}
