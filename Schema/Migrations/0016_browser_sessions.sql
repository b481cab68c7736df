-- Who is signed in with a browser. A cookie names its session, of which only the SHA-256 is kept; without the row the cookie is
-- worth nothing, at every server. Signing out deletes the row.
CREATE TABLE browser_sessions (
  session_hash bytea       PRIMARY KEY,
  token_id     uuid        NOT NULL REFERENCES api_tokens (id) ON DELETE CASCADE,
  created_at   timestamptz NOT NULL,
  expires_at   timestamptz NOT NULL
);

CREATE INDEX browser_sessions_token   ON browser_sessions (token_id);
CREATE INDEX browser_sessions_expires ON browser_sessions (expires_at);
