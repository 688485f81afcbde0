/** Component names of a mailbox server, of a front end, and of both. */
export const mailboxComponents = [
  'hub-transport',
  'submission',
  'imap',
  'pop',
  'owa',
  'ecp',
  'ews',
  'eas',
  'mapi',
  'rpc',
  'oab',
  'autodiscover',
  'powershell',
  'um',
] as const;

export const frontEndComponents = [
  'frontend-transport',
  'imap-proxy',
  'pop-proxy',
  'owa-proxy',
  'ecp-proxy',
  'ews-proxy',
  'eas-proxy',
  'mapi-proxy',
  'rpc-proxy',
  'oab-proxy',
  'autodiscover-proxy',
  'powershell-proxy',
  'call-router',
] as const;

export const components = [...mailboxComponents, ...frontEndComponents, 'server-wide'] as const;
export type Component = (typeof components)[number];

export const requesters = ['maintenance', 'functional', 'health', 'sidelined', 'deployment'] as const;
export const componentStates = ['active', 'draining', 'inactive'] as const;
export type ComponentState = (typeof componentStates)[number];

/** The web services a site may have an outside address for. */
export const webServices = ['owa', 'ecp', 'ews', 'eas', 'mapi', 'rpc', 'oab', 'autodiscover', 'powershell'] as const;
export type WebService = (typeof webServices)[number];
