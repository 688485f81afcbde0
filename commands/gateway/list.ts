import { listCommand } from '../../src/cli/noun-commands.js';

export default listCommand('gateway');
