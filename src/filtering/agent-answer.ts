import type { FilterVerdict } from '../topology/screening.js';
import { pass } from './filter-verdict.js';
import type { MessageVerdict } from './protocol-agent.js';

/** The events at which an agent is asked or told. */
export type AgentEvent = 'connect' | 'hello' | 'mail' | 'recipient' | 'message' | 'outcome' | 'disconnect';

/** An answer that is none, and why. */
export interface NoAnswer {
  readonly wrong: string;
}

type Fields = Readonly<Record<string, unknown>>;

const whyLengthMax = 1000;
const printable = /^[ -~]{1,500}$/;
const recipientsMax = 100_000;

const isFields = (value: unknown): value is Fields => typeof value === 'object' && value !== null;
const quote = (value: unknown): string => (JSON.stringify(value) ?? String(value)).slice(0, 100);

/** Reads what an agent answered at an event: an administrator's own may answer anything. */
export function readAnswer(event: AgentEvent, said: unknown): MessageVerdict | NoAnswer {
  if (said === pass) return pass;
  if (!isFields(said)) return { wrong: `it answered ${quote(said)} instead of a verdict such as {kind: "pass"}` };
  const { kind } = said;
  if (kind === 'pass') return pass;
  if (typeof said['why'] !== 'string') return { wrong: `its verdict ${quote(kind)} lacks the text "why"` };
  const why = said['why'].slice(0, whyLengthMax);
  switch (kind) {
    case 'exempt':
      return { kind, why };
    case 'stamp':
      return readStamp(said, why);
    case 'block':
      return readBlock(said, why);
    case 'discard':
      return readDiscard(event, said, why);
    default:
      return { wrong: `it answered the unknown verdict ${quote(kind)}` };
  }
}

function readStamp({ mark }: Fields, why: string): FilterVerdict | NoAnswer {
  if (typeof mark !== 'string' || !/^[!-~]{1,100}$/.test(mark)) {
    return { wrong: `the "mark" of its stamp is ${quote(mark)} and not 1 to 100 printable ASCII characters` };
  }
  return { kind: 'stamp', why, mark };
}

function readBlock({ reply, thenClose }: Fields, why: string): FilterVerdict | NoAnswer {
  if (!isFields(reply)) return { wrong: 'its block lacks the "reply"' };
  const { code, enhanced, text } = reply;
  if (typeof code !== 'number' || !Number.isInteger(code) || code < 400 || code > 599) {
    return { wrong: `the "code" of its reply is ${quote(code)} and not from 400 to 599` };
  }
  // RFC 3463 §2: the class is that of the reply.
  if (typeof enhanced !== 'string' || !/^[45]\.\d{1,3}\.\d{1,3}$/.test(enhanced) || enhanced[0] !== `${code}`[0]) {
    return {
      wrong: `the "enhanced" code of its reply ${code} is ${quote(enhanced)} and not such as "4.7.1" or "5.7.1"`,
    };
  }
  if (typeof text !== 'string' || !printable.test(text)) {
    return { wrong: `the "text" of its reply is ${quote(text)} and not one line of printable ASCII` };
  }
  return { kind: 'block', why, reply: { code, enhanced, text }, ...(thenClose === true && { thenClose }) };
}

function readDiscard(event: AgentEvent, { recipients }: Fields, why: string): MessageVerdict | NoAnswer {
  if (event !== 'message') return { wrong: `it answered "discard" at "${event}"; only a message can be discarded` };
  if (!Array.isArray(recipients) || recipients.length > recipientsMax) {
    return { wrong: 'its discard lacks the list "recipients"' };
  }
  return { kind: 'discard', why, recipients: recipients.map(String) };
}
