// A process that passes all requests on with the package http-proxy: node http-proxy-server.mjs PORT ORIGIN-PORT

import { Agent, createServer } from 'node:http';
import httpProxy from 'http-proxy';

const [port = '', originPort = ''] = process.argv.slice(2);
const agent = new Agent({ keepAlive: true, maxSockets: 256 });
const proxy = httpProxy.createProxyServer({ target: `http://127.0.0.1:${originPort}`, agent });

proxy.on('error', (error, _request, response) => {
  process.stderr.write(`${error.message}\n`);
  response.destroy();
});
createServer((request, response) => proxy.web(request, response)).listen({
  host: '127.0.0.1',
  port: Number(port),
  backlog: 4096,
});
