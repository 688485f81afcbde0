type Fields = Readonly<Record<string, unknown>>;

/** The part of an estate file that holds a front end CAS1 and mailbox servers MBX1, MBX2, ... of one DAG, in one site. */
export function dagServers(frontEndHost: string, endpointsOf: readonly Fields[]) {
  const names = endpointsOf.map((_, index) => `MBX${index + 1}`);
  return {
    names,
    parts: {
      estate: 1,
      sites: [{ name: 'A' }],
      dags: [{ name: 'DAG1' }],
      servers: [
        { name: 'CAS1', host: frontEndHost, site: 'A', roles: ['frontend'] },
        ...endpointsOf.map((endpoints, index) => ({
          name: names[index],
          host: '127.0.0.1',
          site: 'A',
          dag: 'DAG1',
          endpoints,
        })),
      ],
    },
  };
}
