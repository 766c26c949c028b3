// Owns the order of queues, how long a job is expected to take, and how far each session of a fair queue has been served.
export const QUEUE_ORDER = `
  ALTER TABLE queue ADD COLUMN job_order INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE job ADD COLUMN expected_ms INTEGER;
  CREATE TABLE fair_share (queue INTEGER NOT NULL, session INTEGER NOT NULL, finish INTEGER NOT NULL, PRIMARY KEY (queue, session)) STRICT, WITHOUT ROWID;
`;
