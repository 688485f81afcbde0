import { Agent, type AgentOptions, type ClientRequestArgs } from 'node:http';
import type { Duplex } from 'node:stream';
import { connectTo } from '../../net/connect.js';
import type { Endpoint } from '../../topology/endpoints.js';

/** The connections to mailbox servers, kept open between requests. */
export interface ServerAgents {
  /** The agent for servers reached by this endpoint; one for all that are reached the same way. */
  pooled(endpoint: Endpoint): Agent;
  /** An agent whose connections are new and serve one request each. */
  unpooled(endpoint: Endpoint): Agent;
  /** Ends every connection. */
  destroy(): void;
}

export interface ServerAgentLimits {
  /** Connections to one server at most. */
  readonly connectionsMax: number;
  /** Idle ones among them. */
  readonly idleConnectionsMax: number;
}

export const connectTimeoutMs = 5000;
const idleTimeoutMs = 60_000;

type Connected = (error: Error | null, socket: Duplex) => void;

// The agent speaks HTTP whether or not its connections are TLS ones: who checks which certificate is a matter of net.
class ServerAgent extends Agent {
  readonly #endpoint: Endpoint;

  constructor(endpoint: Endpoint, options: AgentOptions) {
    super(options);
    this.#endpoint = endpoint;
  }

  override createConnection(options: ClientRequestArgs, connected: Connected): undefined {
    const done = connected as (error: Error | null, socket?: Duplex) => void;
    connectTo(connectionOptions(this.#endpoint, options.host ?? '', Number(options.port))).then(
      (socket) => {
        // An idle connection that the server ends must leave the pool.
        socket.allowHalfOpen = false;
        done(null, socket);
      },
      (error: unknown) => done(error instanceof Error ? error : new Error(String(error))),
    );
    return undefined;
  }
}

/** How a server is connected to by its endpoint. */
export function connectionOptions(endpoint: Endpoint, host: string, port: number): Parameters<typeof connectTo>[0] {
  const { verify, ca, serverName } = endpoint;
  return {
    host,
    port,
    tls: endpoint.tls === 'none' ? 'none' : 'implicit',
    verify,
    ca,
    serverName,
    timeoutMs: connectTimeoutMs,
  };
}

export function createServerAgents({ connectionsMax, idleConnectionsMax }: ServerAgentLimits): ServerAgents {
  const agents = new Map<string, Agent>();
  return {
    pooled(endpoint) {
      const key = JSON.stringify([endpoint.tls, endpoint.verify, endpoint.ca, endpoint.serverName]);
      const known = agents.get(key);
      if (known !== undefined) return known;
      const agent = new ServerAgent(endpoint, {
        keepAlive: true,
        maxSockets: connectionsMax,
        maxFreeSockets: idleConnectionsMax,
        timeout: idleTimeoutMs,
      });
      agents.set(key, agent);
      return agent;
    },
    unpooled: (endpoint) => new ServerAgent(endpoint, { keepAlive: false }),
    destroy() {
      for (const agent of agents.values()) agent.destroy();
      agents.clear();
    },
  };
}
