/** Counts up when what is made changes, so that no older store is taken for it. */
export const generatorVersion = 1;

export const siteCount = 200;
export const linkCount = 400;
export const dagCount = 100;
export const databaseCount = 10_000;
const serversPerSite = 9;
export const serverCount = siteCount * (serversPerSite + 1);
const databasesPerDag = 96;
const domains = ['contoso.com', 'fabrikam.com', 'northwind.example', 'europe.contoso.com', 'asia.contoso.com'];

/**
 * Numbers from 0 to 1 that are the same on every run (mulberry32).
 * @param {number} seed
 * @returns {() => number}
 */
export function randomNumbers(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** @param {number} number */
const padded = (number, length = 3) => String(number).padStart(length, '0');

const siteName = (/** @type {number} */ site) => `Site${padded(site)}`;
const serverName = (/** @type {number} */ site, /** @type {number} */ place) => `MBX${padded(site)}-${place}`;
const databaseName = (/** @type {number} */ database) => `DB${padded(database, 5)}`;

/** The front end that the questions are asked at. */
export const frontEndName = 'FE000';

/**
 * Everything but the mailboxes: a ring of sites with chords, of which every twentieth is a hub; a front end and nine
 * mailbox servers in each, eight of them in a DAG that spans two sites.
 */
export function scaleEstate() {
  const random = randomNumbers(1);
  const sites = Array.from({ length: siteCount }, (_, site) => ({ name: siteName(site), hub: site % 20 === 7 }));
  const servers = sites.flatMap((_, site) => [
    { name: `FE${padded(site)}`, host: `10.${site}.0.1`, site: siteName(site), roles: ['frontend'] },
    ...Array.from({ length: serversPerSite }, (_, place) => ({
      name: serverName(site, place),
      host: `10.${site}.1.${place + 1}`,
      site: siteName(site),
      dag: place === 0 ? null : `DAG${padded(site >> 1)}`,
    })),
  ]);
  return {
    estate: 1,
    organization: { defaultDomain: domains[0] },
    sites,
    links: scaleLinks(random),
    dags: Array.from({ length: dagCount }, (_, dag) => ({ name: `DAG${padded(dag)}` })),
    servers,
    databases: Array.from({ length: databaseCount }, (_, database) => ({
      name: databaseName(database),
      copies: copiesOf(database, random),
    })),
    domains: domains.map((name) => ({ name, type: 'authoritative' })),
    receiveConnectors: [
      { name: 'Default Frontend' },
      { name: 'Client Frontend', bindings: ['0.0.0.0:587'], permissionGroups: ['users'] },
      {
        name: 'Partners',
        remoteRanges: Array.from({ length: 100 }, (_, network) => `198.51.${network}.0/24`),
        permissionGroups: ['partners'],
      },
    ],
  };
}

/** @param {() => number} random */
function scaleLinks(random) {
  return Array.from({ length: linkCount }, (_, link) => {
    const from = link % siteCount;
    const step = link < siteCount ? 1 : 2 + Math.floor(random() * (siteCount - 3));
    const sites = [siteName(from), siteName((from + step) % siteCount)];
    return { name: `L${padded(link)}`, sites, cost: 1 + Math.floor(random() * 100) };
  });
}

/**
 * Four copies in a DAG, or one on the server of a site that is in none.
 * @param {number} database
 * @param {() => number} random
 */
function copiesOf(database, random) {
  if (database >= dagCount * databasesPerDag) return [serverName(database % siteCount, 0)];
  const dag = database % dagCount;
  const first = Math.floor(random() * 16);
  return Array.from({ length: 4 }, (_, copy) => {
    const member = (first + copy * 5) % 16;
    return serverName(2 * dag + (member >> 3), 1 + (member & 7));
  });
}

const givenNames = ['ann', 'bob', 'carla', 'dmitri', 'elif', 'fumiko', 'goran', 'hanna', 'imre', 'jun', 'kofi', 'lea'];
const familyNames = ['adams', 'bauer', 'chen', 'dubois', 'eriksen', 'farah', 'garcia', 'haddad', 'ivanova', 'jansen'];

/**
 * The address of a mailbox; its number makes it the only one.
 * @param {number} index
 */
export function addressOf(index) {
  const scattered = Math.imul(index, 2_654_435_761) >>> 0;
  const given = givenNames[scattered % givenNames.length];
  const family = familyNames[(scattered >>> 8) % familyNames.length];
  return `${given}.${family}.${index.toString(36)}@${domains[(scattered >>> 16) % domains.length]}`;
}

/**
 * A mailbox file as `usher import mailboxes` takes it, in pieces: every mailbox has a GUID, every fourth an alias,
 * every tenth an extension, every twentieth a protocol that is off.
 * @param {number} count
 * @returns {Generator<string>}
 */
export function* mailboxFile(count) {
  const random = randomNumbers(2);
  const hex = (/** @type {number} */ length) =>
    Math.floor(random() * 16 ** length)
      .toString(16)
      .padStart(length, '0');
  yield 'address,database,aliases,guid,extension,protocols-off\n';
  let lines = '';
  for (let index = 0; index < count; index++) {
    const address = addressOf(index);
    const alias = index % 4 === 0 ? `u${index}@${domains[0]}` : '';
    const guid = `${hex(8)}-${hex(4)}-${hex(4)}-${hex(4)}-${hex(12)}`;
    const extension = index % 10 === 0 ? `+49${padded(index, 8)}` : '';
    const database = databaseName(Math.floor(random() * databaseCount));
    lines += `${address},${database},${alias},${guid},${extension},${index % 20 === 0 ? 'imap;pop' : ''}\n`;
    if (index % 1000 !== 999) continue;
    yield lines;
    lines = '';
  }
  yield lines;
}
