-- Calls: the authorities whose certificates SIP peers show, extensions by dial plan, and how gateways are asked
-- whether they are there.

ALTER TABLE listener ADD COLUMN client_ca TEXT;

-- Null: the extension holds for every plan.
ALTER TABLE mailbox ADD COLUMN dial_plan TEXT COLLATE NOCASE
  REFERENCES dial_plan (name) DEFERRABLE INITIALLY DEFERRED;
DROP INDEX mailbox_by_extension;
CREATE INDEX mailbox_by_extension ON mailbox (extension, dial_plan) WHERE extension IS NOT NULL;
CREATE INDEX mailbox_by_dial_plan ON mailbox (dial_plan) WHERE dial_plan IS NOT NULL;

ALTER TABLE gateway ADD COLUMN port INTEGER NOT NULL DEFAULT 5060 CHECK (port BETWEEN 1 AND 65535);
ALTER TABLE gateway ADD COLUMN transport TEXT NOT NULL DEFAULT 'tcp' CHECK (transport IN ('udp', 'tcp', 'tls'));
-- In milliseconds; 0: never asked.
ALTER TABLE gateway ADD COLUMN probe INTEGER NOT NULL DEFAULT 60000 CHECK (probe >= 0);
