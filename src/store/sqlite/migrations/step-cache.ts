// Owns the kept results of steps, and which versions of its task types a run began with.
export const STEP_CACHE = `
  CREATE TABLE step_cache (ns INTEGER NOT NULL, id TEXT NOT NULL, workflow TEXT NOT NULL, step TEXT NOT NULL, execution TEXT NOT NULL, output TEXT NOT NULL,
    created_at INTEGER NOT NULL, expires_at INTEGER NOT NULL, PRIMARY KEY (ns, id)) STRICT, WITHOUT ROWID;
  CREATE INDEX step_cache_workflow ON step_cache (ns, workflow, id);
  CREATE INDEX step_cache_expiry ON step_cache (expires_at);
  ALTER TABLE execution ADD COLUMN task_versions TEXT;
`;
