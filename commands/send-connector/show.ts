import { showCommand } from '../../src/cli/noun-commands.js';

export default showCommand('send-connector', async (store, name) => {
  const { connectorUseText } = await import('../../src/admin/connector-use.js');
  return connectorUseText(store, name);
});
