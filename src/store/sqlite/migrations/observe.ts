// Owns the shape for metrics and traces: the trace that work was asked for in, counts of what became of planned times and leases, and the approvals that wait.
export const OBSERVE = `
  ALTER TABLE job ADD COLUMN trace TEXT;
  ALTER TABLE execution ADD COLUMN trace TEXT;
  CREATE INDEX waiter_approval ON waiter (execution) WHERE kind = 2;
  CREATE TABLE tally (ns INTEGER NOT NULL, what TEXT NOT NULL, bucket INTEGER NOT NULL, n INTEGER NOT NULL, ms INTEGER NOT NULL,
    PRIMARY KEY (ns, what, bucket)) STRICT, WITHOUT ROWID;
`;
