// A process that plays web clients over raw sockets: a steady rate of requests, large bodies, long polls.

import { download, upload } from './http-client-bodies.mjs';
import { check, close, open } from './http-client-polls.mjs';
import { rate } from './http-client-rate.mjs';
import { serveTasks } from './mail-access-worker.mjs';

serveTasks({ rate, download, upload, open, check, close });
