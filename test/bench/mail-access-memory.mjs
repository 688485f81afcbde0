import { readdirSync, readFileSync } from 'node:fs';

/**
 * Memory of processes and all their descendants; a page that n of them share counts 1/n in PSS, and n times in RSS.
 * Socket buffers in the kernel are in neither.
 * @param {readonly number[]} pids
 * @returns {{pssKb: number, rssKb: number}}
 */
export function treeMemory(pids) {
  const sum = { pssKb: 0, rssKb: 0 };
  const open = [...pids];
  for (let pid = open.pop(); pid !== undefined; pid = open.pop()) {
    const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
    sum.pssKb += Number(/^Pss:\s+(\d+)/m.exec(text)?.[1] ?? 0);
    sum.rssKb += Number(/^Rss:\s+(\d+)/m.exec(text)?.[1] ?? 0);
    for (const thread of readdirSync(`/proc/${pid}/task`)) {
      const children = readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8');
      open.push(...children.split(' ').filter(Boolean).map(Number));
    }
  }
  return sum;
}
