import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { createDnsResolver, type DnsResolver } from '../../../src/net/dns-resolver.js';
import type { LogFields } from '../../../src/observability/log.js';
import { createMtaSts, type MtaSts, type MtaStsOptions } from '../../../src/session/outbound/mta-sts.js';
import { type DnsZone, startDnsServer, type TestDnsServer } from '../../support/dns-server.js';
import { makeCertificate } from '../../support/peers/certificate.js';

export const domain = 'fabrikam.test';
export const txt = `TXT _mta-sts.${domain}`;
export const record = (id: string): string => `v=STSv1; id=${id};`;
export const zoneOf = (id: string): DnsZone => ({ [txt]: [record(id)], [`A mta-sts.${domain}`]: ['127.0.0.1'] });
export const policyText = (mode: string, maxAge = 604_800, mx: readonly string[] = ['mx.fabrikam.test']): string =>
  ['version: STSv1', `mode: ${mode}`, ...mx.map((name) => `mx: ${name}`), `max_age: ${maxAge}`, ''].join('\r\n');

type Answer = string | ((request: IncomingMessage, response: ServerResponse) => void);

export interface PolicyHost {
  readonly dns: TestDnsServer;
  readonly resolver: DnsResolver;
  readonly sts: MtaSts;
  readonly log: LogFields[];
  /** The requests so far, as `HOST PATH`. */
  readonly requests: readonly string[];
  /** What is said from now on: a policy, or anything else. */
  answer: Answer;
  /** Of the clock that the policies and the names are remembered by. */
  nowMs: number;
  close(): void;
}

const certificates = new Map<string, ReturnType<typeof makeCertificate>>();
function certificateFor(name: string): ReturnType<typeof makeCertificate> {
  const made = certificates.get(name) ?? makeCertificate([name]);
  certificates.set(name, made);
  return made;
}

/** A policy host on the loopback address, the name server that leads there, and the part under test. */
export async function openPolicyHost(
  options: Partial<MtaStsOptions> & { readonly certificateName?: string; readonly zone?: DnsZone } = {},
): Promise<PolicyHost> {
  const { certificateName = `mta-sts.${domain}`, zone = zoneOf('1'), ...given } = options;
  const certificate = await certificateFor(certificateName);
  const requests: string[] = [];
  const server = createServer({ cert: certificate.cert, key: certificate.key }, (request, response) => {
    requests.push(`${request.headers.host} ${request.url}`);
    const { answer } = host;
    if (typeof answer === 'function') answer(request, response);
    else response.writeHead(200, { 'content-type': 'text/plain; charset=utf-8' }).end(answer);
  });
  server.listen(0, '127.0.0.1');
  const [dns] = await Promise.all([startDnsServer(zone), once(server, 'listening')]);
  const log: LogFields[] = [];
  const add = (fields: LogFields, message: string): void => void log.push({ ...fields, message });
  const nowMs = (): number => host.nowMs;
  const host: PolicyHost = {
    dns,
    resolver: createDnsResolver({ servers: [dns.address], timeoutMs: 300, tries: 1, nowMs }),
    sts: createMtaSts({
      nowMs,
      ca: certificate.caFile,
      port: (server.address() as AddressInfo).port,
      allowPrivateAddresses: true,
      log: { info: add, warn: add, error: (fields) => void log.push({ ...fields, fault: true }) },
      ...given,
    }),
    log,
    requests,
    answer: policyText('enforce'),
    nowMs: 0,
    close: () => {
      dns.close();
      server.close();
      server.closeAllConnections();
    },
  };
  return host;
}
