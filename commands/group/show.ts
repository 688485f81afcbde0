import { showCommand } from '../../src/cli/noun-commands.js';

export default showCommand('group');
