/** The user that servers started by root act as; otherwise they act as whoever runs the tests. */
export const nobody = { name: 'nobody', uid: 65_534, gid: 65_534 } as const;

/** True where servers must be told to give up root. */
export function isRoot(): boolean {
  return process.getuid?.() === 0;
}
