// Owns the table of failures, by day and by what they have in common.
export const FAILURES = `
  CREATE TABLE failure (ns INTEGER NOT NULL, day INTEGER NOT NULL, workflow TEXT NOT NULL, step TEXT NOT NULL, code TEXT NOT NULL, worker TEXT NOT NULL, n INTEGER NOT NULL,
    first_at INTEGER NOT NULL, last_at INTEGER NOT NULL, example TEXT NOT NULL, UNIQUE (ns, day, workflow, step, code, worker)) STRICT;
  CREATE INDEX failure_day ON failure (day);
  CREATE INDEX history_newest ON history (ns, at);
`;
