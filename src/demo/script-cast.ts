/** Whose mailbox the script moves, and the database it is in. */
export const scriptUser = 'ann@demo.test';
export const scriptDatabase = 'DB1';
