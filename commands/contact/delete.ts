import { deleteCommand } from '../../src/cli/noun-commands.js';

export default deleteCommand('contact');
