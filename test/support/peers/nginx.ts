import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from '../free-port.js';
import { removeTempDir, tempDir } from '../temp-dir.js';
import { makeCertificate, type TestCertificate } from './certificate.js';
import { isRoot } from './nobody.js';
import { answers, startChild } from './start-child.js';

export interface NginxOptions {
  /** Stands in every answer and in the response field `X-Served-By`. */
  readonly name: string;
  /** Hands every request to this port of 127.0.0.1 over connections it keeps, instead of answering itself. */
  readonly proxyTo?: number;
  /** `available` opens a second port with TLS from the first byte; default `none`. */
  readonly tls?: 'none' | 'available';
}

/** A request as nginx received it; header fields by lower-case name, those in `recordedFields` that were sent. */
export interface HttpRequestSeen {
  readonly server: string;
  readonly method: string;
  /** The request target as sent. */
  readonly target: string;
  /** `HTTP/1.1`, say. */
  readonly protocol: string;
  readonly fields: Readonly<Record<string, string>>;
}

export interface LoggedHttpRequest extends HttpRequestSeen {
  readonly at: Date;
  readonly status: number;
  /** Bytes of request line, header and body. */
  readonly requestLength: number;
  /** The connection's number, and which of its requests this was. */
  readonly connection: number;
  readonly connectionRequest: number;
}

export interface Nginx {
  readonly name: string;
  readonly pid: number;
  readonly port: number;
  /** With `tls: 'available'`: the port and the authority to trust; the certificate is for localhost and 127.0.0.1. */
  readonly httpsPort?: number;
  readonly caFile?: string;
  /** Every request answered so far, in order of completion. */
  requests(): LoggedHttpRequest[];
  stop(): Promise<void>;
}

/** The header fields that answers and `requests()` report. */
export const recordedFields = [
  'host',
  'authorization',
  'cookie',
  'content-length',
  'content-type',
  'connection',
  'upgrade',
  'via',
  'user-agent',
  'forwarded',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
  'x-real-ip',
] as const;

/**
 * Starts an nginx of its own on 127.0.0.1, connections kept alive; it answers every request with 200 and text
 * that `requestSeen` reads.
 * @throws Error with its output where it does not start
 */
export async function startNginx(options: NginxOptions): Promise<Nginx> {
  const directory = tempDir('nginx');
  mkdirSync(join(directory, 'temp'));
  const port = await freePort();
  const certificate =
    options.tls === 'available' ? await makeCertificate(['localhost', '127.0.0.1'], { directory }) : undefined;
  const secure = certificate === undefined ? undefined : { certificate, port: await freePort() };
  const configFile = join(directory, 'nginx.conf');
  writeFileSync(configFile, configuration(directory, options, port, secure));
  const child = await startChild('nginx', ['-p', directory, '-c', configFile, '-e', join(directory, 'error.log')]);
  const stop = async (): Promise<void> => {
    await child.stop();
    removeTempDir(directory);
  };
  try {
    await answers(child, `nginx ${options.name}`, port, 'none');
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    name: options.name,
    pid: child.pid,
    port,
    ...(secure === undefined ? {} : { httpsPort: secure.port, caFile: secure.certificate.caFile }),
    requests: () => loggedRequests(readFileSync(join(directory, 'access.log'), 'utf8')),
    stop,
  };
}

/**
 * Reads the text of an answer.
 * @throws Error where an nginx of `startNginx` did not write it
 */
export function requestSeen(answer: string): HttpRequestSeen {
  const lines = answer.split('\n').filter((line) => line !== '');
  const [first, ...rest] = lines.map((line): [string, string] => {
    const space = line.indexOf(' ');
    return [line.slice(0, space), line.slice(space + 1)];
  });
  const [method, target, protocol] = rest[0]?.[1].split(' ') ?? [];
  if (first?.[0] !== 'server' || method === undefined || target === undefined || protocol === undefined) {
    throw new Error(`not an answer of a test nginx: ${answer.slice(0, 200)}`);
  }
  return { server: first[1], method, target, protocol, fields: sentFields(Object.fromEntries(rest.slice(1))) };
}

function sentFields(fields: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== ''));
}

function variableOf(field: string): string {
  return `$http_${field.replaceAll('-', '_')}`;
}

function configuration(
  directory: string,
  options: NginxOptions,
  port: number,
  secure: { readonly certificate: TestCertificate; readonly port: number } | undefined,
): string {
  const answer = [
    `server ${options.name}`,
    'request $request_method $request_uri $server_protocol',
    ...recordedFields.map((field) => `${field} ${variableOf(field)}`),
  ];
  const content =
    options.proxyTo === undefined
      ? `default_type text/plain;\n      return 200 "${answer.join('\\n')}\\n";`
      : 'proxy_pass http://upstream;\n      proxy_http_version 1.1;\n      proxy_set_header Connection "";';
  return `
daemon off;
worker_processes 1;
${isRoot() ? 'user root;' : ''}
pid ${directory}/pid;
error_log ${directory}/error.log;
events {
  worker_connections 4096;
}
http {
  log_format entries escape=json '{"time":"$msec","server":"${options.name}","status":"$status",'
    '"method":"$request_method","target":"$request_uri","protocol":"$server_protocol",'
    '"requestLength":"$request_length","connection":"$connection","connectionRequest":"$connection_requests"'
    '${recordedFields.map((field) => `,"${field}":"${variableOf(field)}"`).join('')}}';
  access_log ${directory}/access.log entries;
  client_body_temp_path ${directory}/temp/body;
  proxy_temp_path ${directory}/temp/proxy;
  fastcgi_temp_path ${directory}/temp/fastcgi;
  uwsgi_temp_path ${directory}/temp/uwsgi;
  scgi_temp_path ${directory}/temp/scgi;
  client_max_body_size 0;
  keepalive_requests 1000000;
  keepalive_timeout 300s;
${options.proxyTo === undefined ? '' : upstream(options.proxyTo)}
  server {
    listen 127.0.0.1:${port};
${secure === undefined ? '' : secureListener(secure)}
    add_header X-Served-By "${options.name}";
    location / {
      ${content}
    }
  }
}
`;
}

function upstream(port: number): string {
  return `  upstream upstream {\n    server 127.0.0.1:${port};\n    keepalive 64;\n  }\n`;
}

function secureListener(secure: { readonly certificate: TestCertificate; readonly port: number }): string {
  const { certFile, keyFile } = secure.certificate;
  return `    listen 127.0.0.1:${secure.port} ssl;\n    ssl_certificate ${certFile};\n    ssl_certificate_key ${keyFile};\n`;
}

function loggedRequests(log: string): LoggedHttpRequest[] {
  // The last line may be half written.
  const lines = log
    .slice(0, log.lastIndexOf('\n') + 1)
    .split('\n')
    .filter((line) => line !== '');
  return lines.map((line) => {
    const entry = JSON.parse(line) as Record<string, string>;
    const { time, server, status, method, target, protocol, requestLength, connection, connectionRequest, ...fields } =
      entry;
    return {
      at: new Date(Number(time) * 1000),
      server: server ?? '',
      status: Number(status),
      method: method ?? '',
      target: target ?? '',
      protocol: protocol ?? '',
      requestLength: Number(requestLength),
      connection: Number(connection),
      connectionRequest: Number(connectionRequest),
      fields: sentFields(fields),
    };
  });
}
