import type { Server } from '../topology/catalogue/catalogue.js';
import { isMailboxServer, type Topology } from '../topology/topology.js';
import type { Availability } from './availability.js';
import { componentState, whyNot } from './availability.js';
import type { ClientRequest } from './client-hints.js';
import type { Service } from './client-protocols.js';
import type { Decision, Reply } from './decision.js';
import { decide, step } from './decision.js';
import { requestUrl } from './url-hints.js';

interface PageQuestion extends ClientRequest {
  readonly topology: Topology;
  readonly frontEnd: Server;
  readonly availability: Availability;
}

/** The pages that a front end answers itself: `/` leads to OWA, and every service has a health page. */
export function frontEndPage(service: Service, question: PageQuestion): Decision | undefined {
  const { url } = question;
  if (url === null) return undefined;
  const isRead = question.method === undefined || question.method === 'GET' || question.method === 'HEAD';
  if (/^\/?(?:[?#]|$)/.test(url.startsWith('/') ? url : url.replace(/^https?:\/\/[^/?#]*/i, ''))) {
    return isRead ? frontPage(service, question.frontEnd) : rejectUnserved('/');
  }
  if (!isRead || !/\/healthcheck\.htm(?:[?#]|$)/i.test(url)) return undefined;
  const path = requestUrl(url)?.pathname.toLowerCase();
  return path === `${service.path}/healthcheck.htm` ? healthPage(service, question) : undefined;
}

/** A path that belongs to no service. */
export function rejectUnserved(path: string): Decision {
  const trace = [step('service/none', `no web service has the path ${path.slice(0, 100)}`)];
  return decide('reject', 'no-service', trace, { reply: { code: 404, enhanced: null, text: 'Not Found' } });
}

function frontPage({ proxyComponent }: Service, frontEnd: Server): Decision | undefined {
  if (componentState(frontEnd, proxyComponent) !== 'active') return undefined;
  const reply = { code: 302, enhanced: null, text: 'Found' };
  return decide('redirect', 'front-page', [step('front-page', 'the front page leads to /owa')], {
    location: '/owa',
    reply,
  });
}

function healthPage(service: Service, { topology, frontEnd, availability }: PageQuestion): Decision {
  const page = (code: number, text: string, why: string): Decision => {
    const reply: Reply = { code, enhanced: null, text };
    const trace = [step('health-page', `answered by ${frontEnd.name} itself: ${why}`)];
    return decide('serve', 'health-page', trace, { reply });
  };
  const notInService = `${service.name} is not in service`;
  const state = componentState(frontEnd, service.proxyComponent);
  if (state !== 'active') return page(503, notInService, `${service.proxyComponent} is ${state}`);
  const isServing = topology.servers.some(
    (server) =>
      isMailboxServer(server) &&
      whyNot(server, [service.component], availability) === undefined &&
      availability.isFailing?.(server, service.name) !== true,
  );
  return isServing
    ? page(200, frontEnd.name, `${service.name} is in service`)
    : page(503, notInService, `no mailbox server is known to have ${service.name} in service`);
}
