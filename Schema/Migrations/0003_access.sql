-- Who may call the API. Only a token's SHA-256 is kept: the token itself is shown once.
CREATE TABLE api_tokens (
  id           uuid        PRIMARY KEY,
  name         text        NOT NULL UNIQUE,
  role         text        NOT NULL CHECK (role IN ('admin', 'write', 'read')),
  token_hash   bytea       NOT NULL UNIQUE,
  prefix       text        NOT NULL,
  created_at   timestamptz NOT NULL,
  last_used_at timestamptz,
  revoked_at   timestamptz
);

-- Keys that all silos of an installation share, made by whichever needs one first.
CREATE TABLE server_keys (
  name       text        PRIMARY KEY,
  value      bytea       NOT NULL,
  created_at timestamptz NOT NULL
);
