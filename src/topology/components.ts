/** Component names of a mailbox server, of a front end, and of both; further HTTP services have their own. */
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
/** One of the above, or of a further HTTP service. */
export type Component = string;

export const requesters = ['maintenance', 'functional', 'health', 'sidelined', 'deployment'] as const;
export const componentStates = ['active', 'draining', 'inactive'] as const;
export type ComponentState = (typeof componentStates)[number];

/** The web services a site may have an outside address for. */
export const webServices = ['owa', 'ecp', 'ews', 'eas', 'mapi', 'rpc', 'oab', 'autodiscover', 'powershell'] as const;
export type WebService = (typeof webServices)[number];

/** Where each web service lives at a front end; a request's path is compared without regard to case. */
export const webServicePaths: Readonly<Record<WebService, string>> = {
  owa: '/owa',
  ecp: '/ecp',
  ews: '/ews',
  eas: '/microsoft-server-activesync',
  mapi: '/mapi',
  rpc: '/rpc',
  oab: '/oab',
  autodiscover: '/autodiscover',
  powershell: '/powershell',
};

/** The components that a further HTTP service has: at a mailbox server its name, at a front end `NAME-proxy`. */
export const componentsOfService = (name: string): { readonly mailbox: string; readonly frontEnd: string } => ({
  mailbox: name,
  frontEnd: `${name}-proxy`,
});
