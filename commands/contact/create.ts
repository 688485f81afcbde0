import { createCommand } from '../../src/cli/noun-commands.js';

export default createCommand('contact');
