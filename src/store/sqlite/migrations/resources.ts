// Owns the tables of resource pools: levels, who holds and who waits for them, and what was used.
export const RESOURCES = `
  CREATE TABLE resource_pool (num INTEGER PRIMARY KEY, ns INTEGER NOT NULL, name TEXT NOT NULL, type TEXT NOT NULL, description TEXT, refill_ms INTEGER, set_by INTEGER NOT NULL,
    created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL, deleted_at INTEGER, UNIQUE (ns, name)) STRICT;
  CREATE TABLE resource_level (num INTEGER PRIMARY KEY, pool INTEGER NOT NULL, key TEXT NOT NULL, unit TEXT NOT NULL, capacity INTEGER NOT NULL, low INTEGER, high INTEGER, burst INTEGER NOT NULL,
    refill_ms INTEGER, used REAL NOT NULL DEFAULT 0, at INTEGER NOT NULL, seq INTEGER NOT NULL DEFAULT 0, UNIQUE (pool, key)) STRICT;
  CREATE TABLE resource_set (level INTEGER NOT NULL, gate TEXT NOT NULL, PRIMARY KEY (level, gate)) STRICT, WITHOUT ROWID;
  CREATE TABLE resource_turn (level INTEGER NOT NULL, rank INTEGER NOT NULL, kind INTEGER NOT NULL, num INTEGER NOT NULL, until INTEGER, PRIMARY KEY (level, rank, kind, num)) STRICT, WITHOUT ROWID;
  CREATE INDEX resource_turn_of ON resource_turn (kind, num);
  CREATE TABLE allocation (num INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, ns INTEGER NOT NULL, status INTEGER NOT NULL, gate TEXT NOT NULL, rank INTEGER NOT NULL, parts TEXT NOT NULL,
    priority INTEGER NOT NULL, session INTEGER, execution INTEGER, idx INTEGER, lease_ms INTEGER, requested_at INTEGER NOT NULL, granted_at INTEGER, expires_at INTEGER, ended_at INTEGER, reason TEXT) STRICT;
  CREATE INDEX allocation_waiting ON allocation (gate, rank, num) WHERE status = 0;
  CREATE INDEX allocation_session ON allocation (session, num) WHERE session IS NOT NULL AND ended_at IS NULL;
  CREATE INDEX allocation_execution ON allocation (execution, idx) WHERE execution IS NOT NULL AND ended_at IS NULL;
  CREATE INDEX allocation_open ON allocation (num) WHERE ended_at IS NULL;
  CREATE INDEX allocation_ended ON allocation (ended_at) WHERE ended_at IS NOT NULL;
  CREATE TABLE resource_use (level INTEGER NOT NULL, hourly INTEGER NOT NULL, slot INTEGER NOT NULL, grants INTEGER NOT NULL, amount INTEGER NOT NULL, wait_ms INTEGER NOT NULL, wait_max INTEGER NOT NULL,
    waited INTEGER NOT NULL, area REAL NOT NULL, peak REAL NOT NULL, PRIMARY KEY (level, hourly, slot)) STRICT, WITHOUT ROWID;
  CREATE TABLE resource_hold (level INTEGER NOT NULL, slot INTEGER NOT NULL, arrived_at INTEGER NOT NULL, granted_at INTEGER NOT NULL, ended_at INTEGER NOT NULL, amount INTEGER NOT NULL,
    PRIMARY KEY (level, slot)) STRICT, WITHOUT ROWID;
  DROP INDEX job_gate_lane;
  CREATE INDEX job_gate_lane ON job (gate, lane, gate_rank) WHERE gate GLOB '[ajqr]:*';
`;
