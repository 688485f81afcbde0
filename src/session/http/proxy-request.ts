import { type Answer, brokenOff } from './answers.js';
import { type AttemptEnd, attemptRequest, type Carried } from './attempt-request.js';
import { type Candidate, candidates } from './candidates.js';
import type { Routed } from './route-request.js';

const listenersMax = 50;

/**
 * Carries a request to the first server that can be connected to. Gives what the client is to be told in its place
 * when there is none or the server broke off; null when a server answers or the client left.
 */
export async function proxyRequest(carried: Carried, routed: Routed): Promise<Answer | null> {
  // http-proxy listens to it anew with every attempt.
  carried.exchange.request.setMaxListeners(listenersMax);
  const servers = candidates(carried.exchange, carried.asked, routed);
  for (;;) {
    const next = servers.next();
    if (next.done === true) return next.value;
    const end = await tryServer(carried, next.value);
    switch (end) {
      case 'answering':
      case 'over':
        return null;
      case 'broken':
      case 'broken-repeatable':
        return brokenOff;
      case 'not-connected':
        if (carried.exchange.isOver) return null;
    }
  }
}

async function tryServer(carried: Carried, candidate: Candidate): Promise<AttemptEnd> {
  const { exchange, asked } = carried;
  const agents = exchange.connection.agents(exchange.door.agents, asked.isConnectionBound);
  const end = await attemptRequest(carried, candidate, agents.pooled(candidate.endpoint));
  // Mostly the server has just closed the idle connection that was taken; a new one tells whether it is there.
  return end === 'broken-repeatable' ? attemptRequest(carried, candidate, agents.unpooled(candidate.endpoint)) : end;
}
