// Owns what sessions got after the first shape: their mode (older ones are parallel), what the close of one still has to cancel, ways to find those
// that may be forgotten; and since when a definition was not used, so that one that no run needs can be forgotten too.
export const SESSION_MODES = `
  ALTER TABLE session ADD COLUMN mode INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE job ADD COLUMN queue_rank INTEGER;
  ALTER TABLE session ADD COLUMN cancels_at INTEGER;
  CREATE INDEX session_cancels ON session (cancels_at) WHERE cancels_at IS NOT NULL;
  CREATE INDEX session_closed ON session (closed_at) WHERE closed_at IS NOT NULL;
  CREATE INDEX session_connection ON session (json_extract(metadata, '$.epoch')) WHERE implicit = 1 AND closed_at IS NULL;
  CREATE INDEX schedule_owner ON schedule (session) WHERE session IS NOT NULL;
  ALTER TABLE definition ADD COLUMN used_at INTEGER;
  UPDATE definition SET used_at = (SELECT max(created_at) FROM execution);
  CREATE INDEX definition_unlisted ON definition (num) WHERE deleted = 1;
`;
