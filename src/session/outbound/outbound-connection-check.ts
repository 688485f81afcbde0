import type { ServerConnection } from '../smtp/server-connection.js';

/**
 * Whether an idle connection answers RSET, and nothing else, within the time; one that does not is dropped, and so is
 * one whose signal is raised. It hears no signal afterwards. Never rejects.
 */
export async function isInStep(connection: ServerConnection, signal: AbortSignal, timeoutMs: number): Promise<boolean> {
  connection.attach(signal);
  // A reply of many lines has this time for all of them.
  const timer = setTimeout(() => connection.drop(), timeoutMs);
  const { kind } = await connection.ask((dialogue) => dialogue.abortTransaction(), timeoutMs);
  clearTimeout(timer);
  connection.detach();
  if (kind === 'ready' && connection.isIdle) return true;
  connection.drop();
  return false;
}
