-- The topology store: one table per section of the estate file, the revisions, and the addresses of the directory.
-- Names compare without regard to ASCII case (NOCASE) and keep the case they were given.

CREATE TABLE revision (
  revision INTEGER PRIMARY KEY,
  at TEXT NOT NULL,
  actor TEXT NOT NULL,
  command TEXT NOT NULL,
  message TEXT
) STRICT;

-- What a revision changed: the object before and after, in the form of the estate file.
CREATE TABLE change (
  noun TEXT NOT NULL,
  name TEXT NOT NULL COLLATE NOCASE,
  revision INTEGER NOT NULL REFERENCES revision (revision),
  before TEXT CHECK (json_valid(before)),
  after TEXT CHECK (json_valid(after)),
  CHECK (before IS NOT NULL OR after IS NOT NULL),
  PRIMARY KEY (noun, name, revision)
) STRICT, WITHOUT ROWID;
CREATE INDEX change_by_revision ON change (revision);

CREATE TABLE organization (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  default_domain TEXT,
  arbitration_database TEXT COLLATE NOCASE REFERENCES database (name) DEFERRABLE INITIALLY DEFERRED,
  client_proxy TEXT NOT NULL CHECK (client_proxy IN ('sender-server', 'any-active-in-dag')),
  max_recipients INTEGER NOT NULL CHECK (max_recipients > 0),
  max_message_size INTEGER NOT NULL CHECK (max_message_size > 0),
  internal_smtp_servers TEXT NOT NULL CHECK (json_type(internal_smtp_servers) = 'array'),
  resolvers TEXT NOT NULL CHECK (json_type(resolvers) = 'array')
) STRICT;

CREATE TABLE site (
  name TEXT NOT NULL PRIMARY KEY COLLATE NOCASE CHECK (name <> ''),
  hub INTEGER NOT NULL CHECK (hub IN (0, 1)),
  accept_inbound INTEGER NOT NULL CHECK (accept_inbound IN (0, 1)),
  services TEXT NOT NULL CHECK (json_type(services) = 'object')
) STRICT;

CREATE TABLE link (
  name TEXT NOT NULL PRIMARY KEY COLLATE NOCASE CHECK (name <> ''),
  cost INTEGER NOT NULL CHECK (cost BETWEEN 1 AND 99999),
  mail_cost INTEGER CHECK (mail_cost BETWEEN 1 AND 99999),
  max_message_size INTEGER CHECK (max_message_size >= 65536)
) STRICT;

CREATE TABLE link_sites (
  link TEXT NOT NULL COLLATE NOCASE REFERENCES link (name) ON DELETE CASCADE,
  position INTEGER NOT NULL,
  site TEXT NOT NULL COLLATE NOCASE REFERENCES site (name) DEFERRABLE INITIALLY DEFERRED,
  PRIMARY KEY (link, position),
  UNIQUE (link, site)
) STRICT, WITHOUT ROWID;

CREATE TABLE dag (
  name TEXT NOT NULL PRIMARY KEY COLLATE NOCASE CHECK (name <> '')
) STRICT;

CREATE TABLE server (
  name TEXT NOT NULL PRIMARY KEY COLLATE NOCASE CHECK (name <> ''),
  host TEXT NOT NULL CHECK (host <> ''),
  site TEXT NOT NULL COLLATE NOCASE REFERENCES site (name) DEFERRABLE INITIALLY DEFERRED,
  dag TEXT COLLATE NOCASE REFERENCES dag (name) DEFERRABLE INITIALLY DEFERRED,
  roles TEXT NOT NULL CHECK (json_type(roles) = 'array'),
  accepts TEXT NOT NULL CHECK (accepts IN ('any', 'own')),
  endpoints TEXT NOT NULL CHECK (json_type(endpoints) = 'object')
) STRICT;

CREATE TABLE server_components (
  server TEXT NOT NULL COLLATE NOCASE REFERENCES server (name) ON DELETE CASCADE,
  position INTEGER NOT NULL,
  component TEXT NOT NULL,
  requester TEXT NOT NULL CHECK (requester IN ('maintenance', 'functional', 'health', 'sidelined', 'deployment')),
  state TEXT NOT NULL CHECK (state IN ('active', 'draining', 'inactive')),
  PRIMARY KEY (server, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE database (
  name TEXT NOT NULL PRIMARY KEY COLLATE NOCASE CHECK (name <> ''),
  active TEXT NOT NULL COLLATE NOCASE,
  FOREIGN KEY (name, active) REFERENCES database_copies (database, server) DEFERRABLE INITIALLY DEFERRED
) STRICT;

CREATE TABLE database_copies (
  database TEXT NOT NULL COLLATE NOCASE REFERENCES database (name) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
  position INTEGER NOT NULL,
  server TEXT NOT NULL COLLATE NOCASE REFERENCES server (name) DEFERRABLE INITIALLY DEFERRED,
  PRIMARY KEY (database, position),
  UNIQUE (database, server)
) STRICT, WITHOUT ROWID;

CREATE TABLE mailbox (
  id INTEGER PRIMARY KEY,
  address TEXT NOT NULL,
  database TEXT NOT NULL COLLATE NOCASE REFERENCES database (name) DEFERRABLE INITIALLY DEFERRED,
  guid TEXT UNIQUE COLLATE NOCASE,
  extension TEXT,
  protocols TEXT NOT NULL CHECK (json_type(protocols) = 'object')
) STRICT;
CREATE INDEX mailbox_by_database ON mailbox (database);
CREATE INDEX mailbox_by_extension ON mailbox (extension) WHERE extension IS NOT NULL;

CREATE TABLE "group" (
  id INTEGER PRIMARY KEY,
  address TEXT NOT NULL,
  expansion_server TEXT COLLATE NOCASE REFERENCES server (name) DEFERRABLE INITIALLY DEFERRED
) STRICT;

CREATE TABLE group_members (
  "group" INTEGER NOT NULL REFERENCES "group" (id) ON DELETE CASCADE,
  position INTEGER NOT NULL,
  member TEXT NOT NULL,
  PRIMARY KEY ("group", position)
) STRICT, WITHOUT ROWID;

CREATE TABLE contact (
  id INTEGER PRIMARY KEY,
  address TEXT NOT NULL,
  target TEXT NOT NULL
) STRICT;

-- Every address of the estate, in the form in which addresses compare; nobody has two owners.
CREATE TABLE address (
  key TEXT NOT NULL PRIMARY KEY,
  address TEXT NOT NULL,
  position INTEGER NOT NULL,
  mailbox INTEGER REFERENCES mailbox (id) ON DELETE CASCADE,
  "group" INTEGER REFERENCES "group" (id) ON DELETE CASCADE,
  contact INTEGER REFERENCES contact (id) ON DELETE CASCADE,
  CHECK ((mailbox IS NOT NULL) + ("group" IS NOT NULL) + (contact IS NOT NULL) = 1)
) STRICT, WITHOUT ROWID;
CREATE INDEX address_by_mailbox ON address (mailbox) WHERE mailbox IS NOT NULL;
CREATE INDEX address_by_group ON address ("group") WHERE "group" IS NOT NULL;
CREATE INDEX address_by_contact ON address (contact) WHERE contact IS NOT NULL;

CREATE TABLE domain (
  name TEXT NOT NULL PRIMARY KEY COLLATE NOCASE CHECK (name <> ''),
  type TEXT NOT NULL CHECK (type IN ('authoritative', 'internal-relay', 'external-relay')),
  match_subdomains INTEGER NOT NULL CHECK (match_subdomains IN (0, 1)),
  validate_recipients INTEGER NOT NULL CHECK (validate_recipients IN (0, 1))
) STRICT;

CREATE TABLE certificate (
  name TEXT NOT NULL PRIMARY KEY COLLATE NOCASE CHECK (name <> ''),
  cert_file TEXT NOT NULL,
  key_file TEXT NOT NULL
) STRICT;

CREATE TABLE send_connector (
  name TEXT NOT NULL PRIMARY KEY COLLATE NOCASE CHECK (name <> ''),
  enabled INTEGER NOT NULL CHECK (enabled IN (0, 1)),
  address_spaces TEXT NOT NULL CHECK (json_type(address_spaces) = 'array'),
  scoped INTEGER NOT NULL CHECK (scoped IN (0, 1)),
  front_end_proxy INTEGER NOT NULL CHECK (front_end_proxy IN (0, 1)),
  max_message_size INTEGER NOT NULL CHECK (max_message_size > 0),
  smart_hosts TEXT NOT NULL CHECK (json_type(smart_hosts) = 'array'),
  port INTEGER NOT NULL CHECK (port BETWEEN 1 AND 65535),
  tls TEXT NOT NULL,
  auth TEXT CHECK (json_type(auth) = 'object'),
  helo_name TEXT,
  max_messages_per_connection INTEGER NOT NULL CHECK (max_messages_per_connection > 0)
) STRICT;

CREATE TABLE send_connector_sources (
  send_connector TEXT NOT NULL COLLATE NOCASE REFERENCES send_connector (name) ON DELETE CASCADE,
  position INTEGER NOT NULL,
  server TEXT NOT NULL COLLATE NOCASE REFERENCES server (name) DEFERRABLE INITIALLY DEFERRED,
  PRIMARY KEY (send_connector, position),
  UNIQUE (send_connector, server)
) STRICT, WITHOUT ROWID;

CREATE TABLE receive_connector (
  name TEXT NOT NULL PRIMARY KEY COLLATE NOCASE CHECK (name <> ''),
  server TEXT COLLATE NOCASE REFERENCES server (name) DEFERRABLE INITIALLY DEFERRED,
  enabled INTEGER NOT NULL CHECK (enabled IN (0, 1)),
  bindings TEXT NOT NULL CHECK (json_type(bindings) = 'array'),
  implicit_tls INTEGER NOT NULL CHECK (implicit_tls IN (0, 1)),
  remote_ranges TEXT NOT NULL CHECK (json_type(remote_ranges) = 'array'),
  auth TEXT NOT NULL CHECK (json_type(auth) = 'array'),
  permission_groups TEXT NOT NULL CHECK (json_type(permission_groups) = 'array'),
  anonymous_relay INTEGER NOT NULL CHECK (anonymous_relay IN (0, 1)),
  require_tls INTEGER NOT NULL CHECK (require_tls IN (0, 1)),
  max_message_size INTEGER NOT NULL CHECK (max_message_size > 0),
  max_recipients INTEGER NOT NULL CHECK (max_recipients > 0),
  max_connections INTEGER NOT NULL CHECK (max_connections > 0),
  max_connections_per_source INTEGER NOT NULL CHECK (max_connections_per_source > 0),
  max_connections_percent_per_source INTEGER NOT NULL CHECK (max_connections_percent_per_source BETWEEN 1 AND 100),
  messages_per_minute INTEGER CHECK (messages_per_minute > 0),
  max_protocol_errors INTEGER NOT NULL CHECK (max_protocol_errors >= 0),
  max_logon_failures INTEGER NOT NULL CHECK (max_logon_failures BETWEEN 0 AND 10),
  max_header_size INTEGER NOT NULL CHECK (max_header_size > 0),
  reject_reserved_domains INTEGER NOT NULL CHECK (reject_reserved_domains IN (0, 1)),
  reject_single_label_domains INTEGER NOT NULL CHECK (reject_single_label_domains IN (0, 1)),
  max_hop_count INTEGER NOT NULL CHECK (max_hop_count BETWEEN 1 AND 500),
  max_local_hop_count INTEGER NOT NULL CHECK (max_local_hop_count BETWEEN 0 AND 50),
  connection_timeout INTEGER NOT NULL CHECK (connection_timeout > 0),
  inactivity_timeout INTEGER NOT NULL CHECK (inactivity_timeout > 0),
  tarpit INTEGER NOT NULL CHECK (tarpit >= 0),
  banner TEXT,
  certificate TEXT COLLATE NOCASE REFERENCES certificate (name) DEFERRABLE INITIALLY DEFERRED,
  proxy_peers TEXT NOT NULL CHECK (json_type(proxy_peers) = 'array'),
  xclient_peers TEXT NOT NULL CHECK (json_type(xclient_peers) = 'array'),
  protocol_log INTEGER NOT NULL CHECK (protocol_log IN (0, 1))
) STRICT;

CREATE TABLE filters (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  enabled TEXT NOT NULL CHECK (json_type(enabled) = 'object'),
  ip_allow TEXT NOT NULL CHECK (json_type(ip_allow) = 'array'),
  ip_block TEXT NOT NULL CHECK (json_type(ip_block) = 'array'),
  allow_providers TEXT NOT NULL CHECK (json_type(allow_providers) = 'array'),
  block_providers TEXT NOT NULL CHECK (json_type(block_providers) = 'array'),
  bypassed_recipients TEXT NOT NULL CHECK (json_type(bypassed_recipients) = 'array'),
  senders TEXT NOT NULL CHECK (json_type(senders) = 'object'),
  recipients TEXT NOT NULL CHECK (json_type(recipients) = 'object'),
  spf TEXT NOT NULL CHECK (json_type(spf) = 'object'),
  agents TEXT NOT NULL CHECK (json_type(agents) = 'array')
) STRICT;

CREATE TABLE listener (
  name TEXT NOT NULL PRIMARY KEY COLLATE NOCASE CHECK (name <> ''),
  server TEXT COLLATE NOCASE REFERENCES server (name) DEFERRABLE INITIALLY DEFERRED,
  protocol TEXT NOT NULL CHECK (protocol IN ('imap', 'pop', 'http', 'sip')),
  bind TEXT NOT NULL,
  tls TEXT NOT NULL CHECK (tls IN ('none', 'starttls', 'implicit')),
  transport TEXT NOT NULL CHECK (transport IN ('tcp', 'udp')),
  plaintext_login INTEGER NOT NULL CHECK (plaintext_login IN (0, 1)),
  certificate TEXT COLLATE NOCASE REFERENCES certificate (name) DEFERRABLE INITIALLY DEFERRED,
  proxy_peers TEXT NOT NULL CHECK (json_type(proxy_peers) = 'array'),
  limits TEXT NOT NULL CHECK (json_type(limits) = 'object')
) STRICT;

CREATE TABLE http_service (
  name TEXT NOT NULL PRIMARY KEY COLLATE NOCASE CHECK (name <> ''),
  path TEXT NOT NULL COLLATE NOCASE CHECK (path LIKE '/%'),
  endpoint TEXT NOT NULL CHECK (endpoint IN ('http')),
  timeout INTEGER NOT NULL CHECK (timeout > 0)
) STRICT;

CREATE TABLE gateway (
  name TEXT NOT NULL PRIMARY KEY COLLATE NOCASE CHECK (name <> ''),
  address TEXT NOT NULL CHECK (address <> ''),
  enabled INTEGER NOT NULL CHECK (enabled IN (0, 1))
) STRICT;

CREATE TABLE dial_plan (
  name TEXT NOT NULL PRIMARY KEY COLLATE NOCASE CHECK (name <> ''),
  uri_type TEXT NOT NULL CHECK (uri_type IN ('extension', 'sip', 'e164')),
  security TEXT NOT NULL CHECK (security IN ('unsecured', 'sip-secured', 'secured')),
  digits INTEGER NOT NULL CHECK (digits BETWEEN 1 AND 20)
) STRICT;

CREATE TABLE hunt_group (
  name TEXT NOT NULL PRIMARY KEY COLLATE NOCASE CHECK (name <> ''),
  gateway TEXT NOT NULL COLLATE NOCASE REFERENCES gateway (name) DEFERRABLE INITIALLY DEFERRED,
  dial_plan TEXT NOT NULL COLLATE NOCASE REFERENCES dial_plan (name) DEFERRABLE INITIALLY DEFERRED,
  pilot TEXT NOT NULL
) STRICT;
