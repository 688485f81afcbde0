import type { Server } from '../topology/catalogue/catalogue.js';
import type { Component, ComponentState } from '../topology/components.js';
import { nameKey } from '../topology/names.js';

/** What is known about servers beyond the topology: which cannot be reached now. */
export interface Availability {
  isDown(server: Server): boolean;
  /** Whether those who wanted this web service of the server lately did not reach it: it comes last where others will do. */
  isFailing?(server: Server, service: string): boolean;
}

/** Every server is taken to be up. */
export const allUp: Availability = { isDown: () => false };

/** The named servers are down. */
export function downServers(names: readonly string[]): Availability {
  const down = new Set(names.map(nameKey));
  return { isDown: (server) => down.has(nameKey(server.name)) };
}

const badness: Record<ComponentState, number> = { active: 0, draining: 1, inactive: 2 };

/** The state of a component: the worst requester wins, and `server-wide` takes every component with it. */
export function componentState(server: Server, component: Component): ComponentState {
  if (server.components.length === 0) return 'active';
  return server.components
    .filter((entry) => entry.component === component || entry.component === 'server-wide')
    .reduce<ComponentState>((worst, { state }) => (badness[state] > badness[worst] ? state : worst), 'active');
}

/** Why a server is not to be asked, in words; undefined when it may be. */
export function whyNot(server: Server, needed: readonly Component[], availability: Availability): string | undefined {
  if (availability.isDown(server)) return 'down';
  for (const component of needed) {
    const state = componentState(server, component);
    if (state !== 'active') return `${component} ${state}`;
  }
  return undefined;
}
