// Owns the tables of the read side: run times per step and task type, and the journal that they are summed up from.
export const TRACKING = `
  CREATE TABLE history (num INTEGER PRIMARY KEY, ns INTEGER NOT NULL, workflow TEXT NOT NULL, step TEXT NOT NULL, at INTEGER NOT NULL, json TEXT NOT NULL, UNIQUE (ns, workflow, step)) STRICT;
  CREATE INDEX history_at ON history (at);
  CREATE TABLE history_journal (seq INTEGER PRIMARY KEY, ns INTEGER NOT NULL, at INTEGER NOT NULL, json TEXT NOT NULL) STRICT;
`;
