// Asks a store about its estate, in a process of its own so that its memory can be told; prints one JSON document.

import { allUp } from '../../dist/src/routing/availability.js';
import { routeClient } from '../../dist/src/routing/route-client.js';
import { routeMail } from '../../dist/src/routing/route-mail.js';
import { openStore } from '../../dist/src/store/store.js';
import { buildTopology } from '../../dist/src/topology/topology.js';
import { addressOf, frontEndName, randomNumbers } from './scale-estate.mjs';

const builds = 20;
const decisions = 100_000;
const warmups = 20_000;

const [path = '', count = '0', task = ''] = process.argv.slice(2);
const store = openStore(path, { purpose: 'runtime' });

function readTopology() {
  const { revision, objects } = store.topology();
  return buildTopology(revision, objects);
}

/** As a runtime is that has answered a while, less the garbage that only waits to be collected. */
function measureMemory() {
  const topology = readTopology();
  decide(topology, mailQuestion, 10_000);
  globalThis.gc?.();
  return { rssBytes: process.memoryUsage.rss(), servers: topology.servers.length };
}

function measureTimes() {
  const buildMs = Array.from({ length: builds }, () => {
    const start = performance.now();
    readTopology();
    return performance.now() - start;
  });
  const topology = readTopology();
  return {
    buildMs: percentile(buildMs, 0.5),
    mail: decide(topology, mailQuestion, decisions),
    client: decide(topology, clientQuestion, decisions),
  };
}

/** @typedef {ReturnType<typeof readTopology>} Topology */

/**
 * @param {Topology} topology
 * @param {(topology: Topology, address: string) => () => {outcome: string}} questionOf
 * @param {number} times
 * @returns {{medianUs: number, p99Us: number}}
 */
function decide(topology, questionOf, times) {
  const random = randomNumbers(3);
  const next = () => questionOf(topology, addressOf(Math.floor(random() * Number(count))));
  for (let index = 0; index < warmups; index++) next()();
  const samples = new Float64Array(times);
  for (let index = 0; index < times; index++) {
    const ask = next();
    const start = process.hrtime.bigint();
    const { outcome } = ask();
    samples[index] = Number(process.hrtime.bigint() - start) / 1000;
    if (outcome !== 'proxy') throw new Error(`a question was answered "${outcome}"`);
  }
  return { medianUs: percentile(samples, 0.5), p99Us: percentile(samples, 0.99) };
}

/**
 * @param {Topology} topology
 * @param {string} address
 */
function mailQuestion(topology, address) {
  const question = { ...placeOf(topology), ...strangerQuestion, to: [address] };
  return () => routeMail(question);
}

const strangerQuestion = {
  localAddress: '10.0.0.1',
  port: 25,
  clientAddress: '203.0.113.7',
  user: null,
  from: 'someone@outside.example',
  sizeBytes: 20_000,
  screening: null,
};

/**
 * @param {Topology} topology
 * @param {string} address
 */
function clientQuestion(topology, address) {
  const question = {
    ...placeOf(topology),
    protocol: /** @type {const} */ ('ews'),
    user: address,
    url: '/ews/exchange.asmx',
    headers: noHeaders,
  };
  return () => routeClient(question);
}

const noHeaders = new Map();

/** @param {Topology} topology */
function placeOf(topology) {
  const frontEnd = topology.server(frontEndName);
  if (frontEnd === undefined) throw new Error(`there is no front end ${frontEndName}`);
  return { topology, directory: store.directory, availability: allUp, frontEnd };
}

/**
 * @param {Float64Array | readonly number[]} values
 * @param {number} share
 */
function percentile(values, share) {
  const sorted = Float64Array.from(values).sort();
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}

const figures = task === 'memory' ? measureMemory() : measureTimes();
store.close();
process.stdout.write(JSON.stringify(figures));
