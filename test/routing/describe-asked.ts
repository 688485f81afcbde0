import type { SendConnector, Server } from '../../src/topology/catalogue/catalogue.js';
import type { Asked } from './oracle/oracle-question.js';

function serverWords({ name, host, site, dag, accepts, roles, components }: Server): string {
  const states = components.map(({ component, state }) => `${component} ${state}`);
  const own = accepts === 'own' ? ' own-only' : '';
  return `${name} at ${host} in ${site}${dag === null ? '' : ` of ${dag}`} (${roles.join('+')}${own}) ${states.join(', ')}`.trimEnd();
}

function sendWords(connector: SendConnector): Partial<SendConnector> {
  const { name, enabled, addressSpaces, sources, scoped, frontEndProxy, maxMessageSize, smartHosts } = connector;
  return { name, enabled, addressSpaces, sources, scoped, frontEndProxy, maxMessageSize, smartHosts };
}

/** An estate and its question in a few lines: what a failed property prints. */
export function describeAsked({ estate, question }: Asked): string {
  const { organization, sites, links, servers, databases, receiveConnectors, sendConnectors } = estate.objects;
  const lines = [
    `organization: clientProxy ${organization.clientProxy}, arbitration ${organization.arbitrationDatabase}, ` +
      `${organization.maxRecipients} recipients, ${organization.maxMessageSize} bytes`,
    ...sites.map(
      ({ name, hub, acceptInbound }) =>
        `site ${name}${hub ? ' hub' : ''}${acceptInbound ? '' : ' takes nothing from outside'}`,
    ),
    ...links.map(
      ({ name, sites: ends, cost, mailCost, maxMessageSize }) =>
        `${name} ${ends.join('-')} cost ${mailCost ?? cost}, limit ${maxMessageSize}`,
    ),
    ...servers.map(serverWords),
    ...databases.map(({ name, active }) => `${name} active on ${active}`),
    ...receiveConnectors.map(
      ({
        name,
        server,
        enabled,
        bindings,
        remoteRanges,
        permissionGroups,
        auth,
        anonymousRelay,
        maxRecipients,
        maxMessageSize,
      }) =>
        JSON.stringify({
          name,
          server,
          enabled,
          bindings,
          remoteRanges,
          permissionGroups,
          auth,
          anonymousRelay,
          maxRecipients,
          maxMessageSize,
        }),
    ),
    ...sendConnectors.map((connector) => JSON.stringify(sendWords(connector))),
    `question: ${JSON.stringify(question)}`,
  ];
  return lines.join('\n');
}
