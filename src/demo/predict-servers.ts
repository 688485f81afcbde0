import { lendStore } from '../admin/lend-store.js';
import { testMailRouting } from '../admin/test-mail-routing.js';
import { type Answer, storedEstate, testClientRouting } from '../admin/test-routing.js';
import { demoHost } from './demo-estate.js';
import type { Demo } from './start-demo.js';

export type DemoService = 'mail' | 'imap' | 'web';

/** The path that the demo opens in a browser's place. */
export const webPath = '/owa/';

/** The servers that `test routing` names for a user at the demo's doors: equal first choices. */
export function predictServers(demo: Demo, service: DemoService, user: string): Promise<readonly string[]> {
  return lendStore(demo.storePath, 'read', (store) => {
    const estate = storedEstate(store, undefined);
    const place = { on: undefined, down: [] };
    const answer = (): Answer => {
      switch (service) {
        case 'mail': {
          const sender = { from: undefined, user: undefined, size: undefined };
          const ends = { clientIp: demoHost, localIp: demoHost, port: demo.doors.smtp };
          return testMailRouting(estate, { ...place, ...sender, ...ends, to: [user] });
        }
        case 'imap':
          return testClientRouting(estate, { ...place, protocol: 'imap', user, url: undefined, headers: [] });
        case 'web':
          return testClientRouting(estate, { ...place, protocol: 'owa', user, url: webPath, headers: [] });
      }
    };
    return answer().targets.map(({ server }) => server);
  });
}
