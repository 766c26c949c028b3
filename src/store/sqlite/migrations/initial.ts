// Owns the first shape of the file: work, sessions, schedules, the log.
export const INITIAL = `
  CREATE TABLE namespace (num INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
  CREATE TABLE queue (num INTEGER PRIMARY KEY, ns INTEGER NOT NULL, name TEXT NOT NULL, paused INTEGER NOT NULL DEFAULT 0,
    concurrency INTEGER, rate_limit INTEGER, rate_period INTEGER, set_by INTEGER, UNIQUE (ns, name)) STRICT;
  CREATE TABLE task (num INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
  CREATE TABLE lane (num INTEGER PRIMARY KEY, queue INTEGER NOT NULL, caps TEXT NOT NULL, UNIQUE (queue, caps)) STRICT;
  CREATE TABLE process (epoch INTEGER PRIMARY KEY AUTOINCREMENT, pid INTEGER NOT NULL, host TEXT NOT NULL, role TEXT NOT NULL, ns TEXT NOT NULL,
    started_at INTEGER NOT NULL, heartbeat_at INTEGER NOT NULL, lock_file TEXT, capabilities TEXT NOT NULL, version TEXT NOT NULL, schema INTEGER NOT NULL) STRICT;
  CREATE TABLE leader (name TEXT PRIMARY KEY, epoch INTEGER NOT NULL, until INTEGER NOT NULL) STRICT, WITHOUT ROWID;

  CREATE TABLE definition (num INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, ns INTEGER NOT NULL, name TEXT NOT NULL, version INTEGER NOT NULL, hash TEXT NOT NULL,
    json TEXT NOT NULL, created_at INTEGER NOT NULL, deleted INTEGER NOT NULL DEFAULT 0, UNIQUE (ns, name, version)) STRICT;
  CREATE INDEX definition_hash ON definition (hash);

  CREATE TABLE execution (
    num INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, ns INTEGER NOT NULL, workflow TEXT NOT NULL, version INTEGER NOT NULL, hash TEXT NOT NULL,
    status INTEGER NOT NULL, phase INTEGER NOT NULL, phase_cursor INTEGER NOT NULL, priority INTEGER NOT NULL, session INTEGER, started_by TEXT NOT NULL,
    root INTEGER, parent INTEGER, parent_step INTEGER, parent_item INTEGER, depth INTEGER NOT NULL, forked_from INTEGER, fork_step INTEGER, concurrency_key TEXT,
    steps_done INTEGER NOT NULL DEFAULT 0, steps_completed INTEGER NOT NULL DEFAULT 0, steps_skipped INTEGER NOT NULL DEFAULT 0, steps_failed INTEGER NOT NULL DEFAULT 0,
    steps_running INTEGER NOT NULL DEFAULT 0, steps_waiting INTEGER NOT NULL DEFAULT 0, stopping TEXT, paused INTEGER NOT NULL DEFAULT 0, retries INTEGER NOT NULL DEFAULT 0, open_work INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL, started_at INTEGER, ended_at INTEGER, deadline_at INTEGER,
    gate TEXT, gate_rank INTEGER, gate_pos INTEGER NOT NULL DEFAULT 0, gates TEXT, error TEXT, output_kind INTEGER NOT NULL DEFAULT 0, output TEXT, output_bytes INTEGER, input TEXT NOT NULL, occurrence INTEGER
  ) STRICT;
  CREATE INDEX execution_open ON execution (num) WHERE ended_at IS NULL;
  CREATE INDEX execution_failed ON execution (num) WHERE status = 5;
  CREATE INDEX execution_session ON execution (session, num) WHERE session IS NOT NULL;
  CREATE INDEX execution_parent ON execution (parent, parent_step, parent_item) WHERE parent IS NOT NULL;
  CREATE INDEX execution_root ON execution (root, num) WHERE root IS NOT NULL;
  CREATE INDEX execution_open_child ON execution (root) WHERE root IS NOT NULL AND ended_at IS NULL;
  CREATE INDEX execution_fork ON execution (forked_from) WHERE forked_from IS NOT NULL;
  CREATE INDEX execution_key ON execution (concurrency_key) WHERE concurrency_key IS NOT NULL AND ended_at IS NULL;
  CREATE INDEX execution_gate ON execution (gate, gate_rank) WHERE gate IS NOT NULL;

  CREATE TABLE step (
    execution INTEGER NOT NULL, idx INTEGER NOT NULL, status INTEGER NOT NULL, flags INTEGER NOT NULL, skip_reason INTEGER NOT NULL,
    needs_completed INTEGER NOT NULL, needs_failed INTEGER NOT NULL, needs_skipped INTEGER NOT NULL, attempts INTEGER NOT NULL,
    ready_at INTEGER, started_at INTEGER, ended_at INTEGER, wait TEXT, each TEXT, error TEXT, output_kind INTEGER NOT NULL, output TEXT, output_bytes INTEGER,
    PRIMARY KEY (execution, idx)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX step_artifact ON step (output) WHERE output_kind = 2;
  CREATE TABLE step_items (execution INTEGER NOT NULL, idx INTEGER NOT NULL, json TEXT NOT NULL, PRIMARY KEY (execution, idx)) STRICT;
  CREATE TABLE inbox (seq INTEGER PRIMARY KEY, execution INTEGER NOT NULL, event TEXT NOT NULL) STRICT;
  CREATE INDEX inbox_execution ON inbox (execution, seq);
  CREATE TABLE timer (execution INTEGER NOT NULL, kind INTEGER NOT NULL, idx INTEGER NOT NULL, due_at INTEGER NOT NULL, PRIMARY KEY (execution, kind, idx)) STRICT, WITHOUT ROWID;
  CREATE INDEX timer_due ON timer (due_at);
  CREATE TABLE waiter (execution INTEGER NOT NULL, idx INTEGER NOT NULL, kind INTEGER NOT NULL, name TEXT NOT NULL, match TEXT, seq INTEGER NOT NULL, PRIMARY KEY (execution, idx)) STRICT, WITHOUT ROWID;
  CREATE INDEX waiter_event ON waiter (name, execution) WHERE kind = 3;
  CREATE TABLE signal (seq INTEGER PRIMARY KEY, execution INTEGER NOT NULL, signal_id TEXT NOT NULL, name TEXT NOT NULL, payload TEXT NOT NULL, consumed INTEGER NOT NULL,
    UNIQUE (execution, signal_id)) STRICT;
  CREATE INDEX signal_kept ON signal (execution, name, seq) WHERE consumed = 0;

  CREATE TABLE job (
    num INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, ns INTEGER NOT NULL, queue INTEGER NOT NULL, lane INTEGER NOT NULL, task INTEGER NOT NULL, status INTEGER NOT NULL,
    priority INTEGER NOT NULL, rank INTEGER, due_at INTEGER, gate TEXT, gate_rank INTEGER, gate_pos INTEGER NOT NULL DEFAULT 0, owner INTEGER, worker INTEGER, token INTEGER NOT NULL DEFAULT 0,
    attempt INTEGER NOT NULL DEFAULT 0, crashes INTEGER NOT NULL DEFAULT 0, dead INTEGER NOT NULL DEFAULT 0, cancel_requested INTEGER NOT NULL DEFAULT 0,
    execution INTEGER, idx INTEGER, item INTEGER, session INTEGER, created_at INTEGER NOT NULL, ready_at INTEGER, started_at INTEGER, ended_at INTEGER, run_at INTEGER,
    timeout_ms INTEGER, deadline_at INTEGER, expires_at INTEGER, needs_open INTEGER NOT NULL DEFAULT 0, needs_failed INTEGER NOT NULL DEFAULT 0,
    gates TEXT, retry TEXT, needs TEXT, needs_when INTEGER NOT NULL DEFAULT 0, progress TEXT, checkpoint TEXT, output_schema TEXT, attempts TEXT, name TEXT, payload TEXT, error TEXT, result_kind INTEGER NOT NULL DEFAULT 0, result TEXT, result_bytes INTEGER, dedupe TEXT, occurrence INTEGER
  ) STRICT;
  CREATE INDEX job_ready ON job (lane, rank) WHERE rank IS NOT NULL;
  CREATE INDEX job_due ON job (due_at) WHERE due_at IS NOT NULL;
  CREATE INDEX job_running ON job (owner) WHERE owner IS NOT NULL;
  CREATE INDEX job_worker ON job (worker) WHERE worker IS NOT NULL AND status = 1;
  CREATE INDEX job_gate ON job (gate, gate_rank) WHERE gate IS NOT NULL;
  CREATE INDEX job_gate_lane ON job (gate, lane, gate_rank) WHERE gate GLOB '[jqr]:*';
  CREATE INDEX job_step ON job (execution, idx, item) WHERE execution IS NOT NULL;
  CREATE INDEX job_waiting ON job (queue) WHERE execution IS NULL AND rank IS NULL AND status IN (0, 5);
  CREATE INDEX job_session ON job (session, num) WHERE session IS NOT NULL;
  CREATE INDEX job_failed ON job (num) WHERE status = 3;
  CREATE TABLE worker (num INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, ns INTEGER NOT NULL, name TEXT NOT NULL, principal TEXT NOT NULL, capabilities TEXT NOT NULL,
    labels TEXT NOT NULL, capacity INTEGER NOT NULL, status INTEGER NOT NULL, registered_at INTEGER NOT NULL, last_seen_at INTEGER NOT NULL, lease_until INTEGER NOT NULL, lease_ms INTEGER NOT NULL,
    nonces TEXT NOT NULL DEFAULT '[]', completed INTEGER NOT NULL DEFAULT 0, failed INTEGER NOT NULL DEFAULT 0, crashes INTEGER NOT NULL DEFAULT 0, UNIQUE (ns, principal, name)) STRICT;
  CREATE INDEX worker_lease ON worker (lease_until) WHERE status = 0;
  CREATE TABLE job_need (need INTEGER NOT NULL, job INTEGER NOT NULL, PRIMARY KEY (need, job)) STRICT, WITHOUT ROWID;
  CREATE TABLE job_log (job INTEGER NOT NULL, seq INTEGER NOT NULL, at INTEGER NOT NULL, level TEXT NOT NULL, message TEXT NOT NULL, fields TEXT, PRIMARY KEY (job, seq)) STRICT, WITHOUT ROWID;
  CREATE TABLE gate (key TEXT PRIMARY KEY, cap INTEGER NOT NULL, used INTEGER NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE gate_lane (key TEXT NOT NULL, lane INTEGER NOT NULL, ready INTEGER NOT NULL, PRIMARY KEY (key, lane)) STRICT, WITHOUT ROWID;
  CREATE TABLE gate_timer (key TEXT PRIMARY KEY, due_at INTEGER NOT NULL) STRICT, WITHOUT ROWID;
  CREATE INDEX gate_timer_due ON gate_timer (due_at);
  CREATE TABLE rate (key TEXT PRIMARY KEY, lim INTEGER NOT NULL, period INTEGER NOT NULL, starts TEXT NOT NULL, last_at INTEGER NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE dedupe (queue INTEGER NOT NULL, key TEXT NOT NULL, job INTEGER NOT NULL, PRIMARY KEY (queue, key)) STRICT, WITHOUT ROWID;
  CREATE INDEX dedupe_job ON dedupe (job);
  CREATE TABLE counter (queue INTEGER NOT NULL, task INTEGER NOT NULL, status INTEGER NOT NULL, n INTEGER NOT NULL, PRIMARY KEY (queue, task, status)) STRICT, WITHOUT ROWID;
  CREATE TABLE measured (queue INTEGER NOT NULL, task INTEGER NOT NULL, run INTEGER NOT NULL, wait INTEGER NOT NULL, completed INTEGER NOT NULL, failed INTEGER NOT NULL, retries INTEGER NOT NULL,
    run_ms INTEGER NOT NULL, run_max INTEGER NOT NULL, wait_ms INTEGER NOT NULL, PRIMARY KEY (queue, task, run, wait)) STRICT, WITHOUT ROWID;
  CREATE TABLE minute (minute INTEGER NOT NULL, queue INTEGER NOT NULL, task INTEGER NOT NULL, completed INTEGER NOT NULL, failed INTEGER NOT NULL, retries INTEGER NOT NULL,
    PRIMARY KEY (minute, queue, task)) STRICT, WITHOUT ROWID;
  CREATE TABLE execution_counter (ns INTEGER NOT NULL, status INTEGER NOT NULL, n INTEGER NOT NULL, PRIMARY KEY (ns, status)) STRICT, WITHOUT ROWID;

  CREATE TABLE event (cursor INTEGER PRIMARY KEY, at INTEGER NOT NULL, type INTEGER NOT NULL, ns INTEGER NOT NULL, execution INTEGER, idx INTEGER, item INTEGER, job INTEGER,
    session INTEGER, data TEXT) STRICT;
  CREATE INDEX event_execution ON event (execution, cursor) WHERE execution IS NOT NULL;
  CREATE INDEX event_job ON event (job, cursor) WHERE job IS NOT NULL AND execution IS NULL;
  CREATE INDEX event_session ON event (session, cursor) WHERE session IS NOT NULL;

  CREATE TABLE session (num INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, ns INTEGER NOT NULL, name TEXT, status INTEGER NOT NULL, implicit INTEGER NOT NULL, principal TEXT NOT NULL,
    context_version INTEGER NOT NULL, max_tasks INTEGER, max_workflows INTEGER, timeout_ms INTEGER, expires_at INTEGER, created_at INTEGER NOT NULL, closed_at INTEGER,
    metadata TEXT NOT NULL, context TEXT NOT NULL) STRICT;
  CREATE INDEX session_expiry ON session (expires_at) WHERE expires_at IS NOT NULL AND closed_at IS NULL;
  CREATE TABLE session_call (session INTEGER NOT NULL, seq INTEGER NOT NULL, at INTEGER NOT NULL, tool TEXT NOT NULL, digest TEXT NOT NULL, outcome TEXT NOT NULL, result TEXT, duration_ms REAL NOT NULL,
    PRIMARY KEY (session, seq)) STRICT, WITHOUT ROWID;
  CREATE TABLE receipt (num INTEGER PRIMARY KEY, principal TEXT NOT NULL, tool TEXT NOT NULL, key TEXT NOT NULL, digest TEXT NOT NULL, reply TEXT NOT NULL, created_at INTEGER NOT NULL,
    UNIQUE (principal, tool, key)) STRICT;
  CREATE TABLE last_num (name TEXT PRIMARY KEY, num INTEGER NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE artifact (num INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, execution INTEGER, job INTEGER, name TEXT NOT NULL, media_type TEXT NOT NULL, bytes INTEGER NOT NULL, sha256 TEXT NOT NULL,
    created_at INTEGER NOT NULL, kept INTEGER NOT NULL, content BLOB NOT NULL) STRICT;
  CREATE INDEX artifact_execution ON artifact (execution) WHERE execution IS NOT NULL;
  CREATE INDEX artifact_job ON artifact (job) WHERE job IS NOT NULL;
  CREATE INDEX artifact_loose ON artifact (created_at) WHERE kept = 0;

  CREATE TABLE schedule (num INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, ns INTEGER NOT NULL, name TEXT NOT NULL, status INTEGER NOT NULL, session INTEGER, principal TEXT NOT NULL,
    revision INTEGER NOT NULL, watermark INTEGER NOT NULL, next_at INTEGER, due_at INTEGER, runs INTEGER NOT NULL DEFAULT 0, failures INTEGER NOT NULL DEFAULT 0,
    last_run TEXT, last_result INTEGER, last_ended INTEGER, created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL, deleted_at INTEGER, pause_reason TEXT, spec TEXT NOT NULL) STRICT;
  CREATE UNIQUE INDEX schedule_name ON schedule (ns, name) WHERE deleted_at IS NULL;
  CREATE INDEX schedule_due ON schedule (due_at) WHERE due_at IS NOT NULL;
  CREATE INDEX schedule_session ON schedule (session) WHERE session IS NOT NULL AND deleted_at IS NULL;
  CREATE INDEX schedule_deleted ON schedule (deleted_at) WHERE deleted_at IS NOT NULL;
  CREATE TABLE occurrence (num INTEGER PRIMARY KEY AUTOINCREMENT, schedule INTEGER NOT NULL, planned_at INTEGER NOT NULL, origin INTEGER NOT NULL, until INTEGER NOT NULL, count INTEGER NOT NULL,
    status INTEGER NOT NULL, reason TEXT, decided_at INTEGER NOT NULL, fired_at INTEGER, lateness INTEGER, run TEXT, result INTEGER, ended_at INTEGER, amiss_at INTEGER, error TEXT, input TEXT, open INTEGER,
    UNIQUE (schedule, planned_at, origin)) STRICT;
  CREATE INDEX occurrence_open ON occurrence (schedule, open, planned_at) WHERE open IS NOT NULL;
  CREATE INDEX occurrence_amiss ON occurrence (amiss_at) WHERE amiss_at IS NOT NULL;
`;
