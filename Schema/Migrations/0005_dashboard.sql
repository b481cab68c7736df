-- The keys that protect cookies and forms, shared by all silos: whoever made one, everybody reads it.
CREATE TABLE data_protection_keys (
  name       text        PRIMARY KEY,
  xml        text        NOT NULL,
  created_at timestamptz NOT NULL
);
