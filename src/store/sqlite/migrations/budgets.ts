// Owns budgets with what was used of them, which runs they hold, what jobs reported to have used, and the breakers of workflows.
export const BUDGETS = `
  CREATE TABLE budget (kind INTEGER NOT NULL, num INTEGER NOT NULL, open INTEGER NOT NULL, spec TEXT, held TEXT, attempts INTEGER NOT NULL DEFAULT 0, tokens INTEGER NOT NULL DEFAULT 0,
    input_tokens INTEGER NOT NULL DEFAULT 0, output_tokens INTEGER NOT NULL DEFAULT 0, cost REAL NOT NULL DEFAULT 0, wall_ms INTEGER NOT NULL DEFAULT 0, since INTEGER,
    starts TEXT NOT NULL DEFAULT '[]', refused_at INTEGER, cascade INTEGER, PRIMARY KEY (kind, num)) STRICT, WITHOUT ROWID;
  CREATE INDEX budget_open ON budget (kind, num) WHERE open = 1;
  CREATE INDEX budget_used_up ON budget (kind, num) WHERE held IS NOT NULL;
  CREATE INDEX budget_cascade ON budget (kind, num) WHERE cascade IS NOT NULL;
  CREATE TABLE budget_held (kind INTEGER NOT NULL, num INTEGER NOT NULL, execution INTEGER NOT NULL, bound INTEGER NOT NULL, PRIMARY KEY (kind, num, execution)) STRICT, WITHOUT ROWID;
  CREATE INDEX budget_held_of ON budget_held (execution);
  CREATE TABLE breaker (num INTEGER PRIMARY KEY, ns INTEGER NOT NULL, workflow TEXT NOT NULL, failures INTEGER NOT NULL DEFAULT 0, opened_at INTEGER, probe INTEGER, UNIQUE (ns, workflow)) STRICT;
  CREATE INDEX breaker_open ON breaker (ns) WHERE opened_at IS NOT NULL;
  ALTER TABLE job ADD COLUMN usage TEXT;
`;
