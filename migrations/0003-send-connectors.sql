-- How send connectors reach hosts outside: TLS from the first byte, policies of the other domain, trust, our
-- own certificate, name servers, private addresses, limits and patience.

ALTER TABLE send_connector ADD COLUMN implicit_tls INTEGER NOT NULL DEFAULT 0 CHECK (implicit_tls IN (0, 1));
ALTER TABLE send_connector ADD COLUMN mta_sts INTEGER NOT NULL DEFAULT 1 CHECK (mta_sts IN (0, 1));
ALTER TABLE send_connector ADD COLUMN ca TEXT;
ALTER TABLE send_connector ADD COLUMN certificate TEXT COLLATE NOCASE
  REFERENCES certificate (name) DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE send_connector ADD COLUMN resolvers TEXT NOT NULL DEFAULT '[]' CHECK (json_type(resolvers) = 'array');
ALTER TABLE send_connector ADD COLUMN allow_private_addresses INTEGER NOT NULL DEFAULT 0
  CHECK (allow_private_addresses IN (0, 1));
ALTER TABLE send_connector ADD COLUMN max_connections_per_host INTEGER NOT NULL DEFAULT 20
  CHECK (max_connections_per_host > 0);
ALTER TABLE send_connector ADD COLUMN connect_timeout INTEGER NOT NULL DEFAULT 10000 CHECK (connect_timeout > 0);
ALTER TABLE send_connector ADD COLUMN reply_timeout INTEGER NOT NULL DEFAULT 60000 CHECK (reply_timeout > 0);
ALTER TABLE send_connector ADD COLUMN idle_timeout INTEGER NOT NULL DEFAULT 5000 CHECK (idle_timeout >= 0);
ALTER TABLE send_connector ADD COLUMN protocol_log INTEGER NOT NULL DEFAULT 0 CHECK (protocol_log IN (0, 1));

-- A password may stand in the environment too; what was stored before says that it does not.
UPDATE send_connector SET auth = json_set(auth, '$.passwordEnv', json('null'))
  WHERE auth IS NOT NULL AND json_type(auth, '$.passwordEnv') IS NULL;
