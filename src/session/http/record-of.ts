import type { HttpRecord } from '../../observability/http-record.js';
import { timestamp } from '../../observability/timestamp.js';
import type { Exchange } from './exchange.js';

const noTrace: HttpRecord['trace'] = [];

/** The record of a request that is over. */
export function recordOf(
  { door, client, side, facts, body }: Exchange,
  end: HttpRecord['end'],
  endReason: string | null,
): HttpRecord {
  const { asked, routed, startedAtMs, firstByteAtMs } = facts;
  const { method, target, version, host } = side.request;
  const decision = routed?.decision;
  const question = target.indexOf('?');
  const trace = decision?.trace ?? noTrace;
  return {
    at: timestamp(Date.now()),
    requestId: facts.requestId,
    listener: door.listener,
    frontEnd: (routed?.snapshot ?? door.services.snapshot()).frontEnd.name,
    client: client.clientAddress,
    clientPort: client.ends.clientPort,
    scheme: client.scheme,
    version,
    method,
    host: asked?.host ?? host,
    path: asked?.path ?? (question === -1 ? target : target.slice(0, question)),
    service: asked?.service.name ?? null,
    hint: decision?.hint ?? null,
    mailbox: decision?.mailbox ?? null,
    user: facts.user,
    userAgent: asked?.request.headers.get('user-agent') ?? null,
    status: facts.status,
    end,
    endReason,
    server: facts.server,
    outcome: decision?.outcome ?? null,
    reason: decision?.reason ?? null,
    tried: facts.tried,
    bytesReceived: body.bytes,
    bytesSent: facts.bytesSent,
    durationMs: round(performance.now() - startedAtMs),
    firstByteMs: firstByteAtMs === null ? null : round(firstByteAtMs - startedAtMs),
    trace: facts.cookieStep === null ? trace : [...trace, facts.cookieStep],
  };
}

const round = (ms: number): number => Math.round(ms * 10) / 10;
