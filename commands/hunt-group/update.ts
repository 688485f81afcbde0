import { updateCommand } from '../../src/cli/noun-commands.js';

export default updateCommand('hunt-group');
