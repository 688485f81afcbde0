-- The web doors: redirects to https, HSTS, headers that name the servers, HTTP/2; a limit of requests to one server;
-- ports of further services; and the keys that sign route cookies.

ALTER TABLE organization ADD COLUMN max_requests_per_server INTEGER CHECK (max_requests_per_server > 0);

ALTER TABLE listener ADD COLUMN redirect_to_https INTEGER NOT NULL DEFAULT 0 CHECK (redirect_to_https IN (0, 1));
ALTER TABLE listener ADD COLUMN hsts INTEGER CHECK (hsts >= 0);
ALTER TABLE listener ADD COLUMN server_headers INTEGER NOT NULL DEFAULT 0 CHECK (server_headers IN (0, 1));
ALTER TABLE listener ADD COLUMN http2 INTEGER NOT NULL DEFAULT 1 CHECK (http2 IN (0, 1));

ALTER TABLE http_service ADD COLUMN port INTEGER CHECK (port BETWEEN 1 AND 65535);

-- The newest key signs, all of them verify. Keys are no objects of the estate: never exported, never in the history.
CREATE TABLE route_key (
  id INTEGER PRIMARY KEY,
  key BLOB NOT NULL CHECK (length(key) = 32),
  made_at TEXT NOT NULL
) STRICT;
INSERT INTO route_key (key, made_at) VALUES (randomblob(32), strftime('%Y-%m-%dT%H:%M:%fZ', 'now'));
