// Owns how a schedule and an entry of its ledger lie in their tables.

export interface ScheduleSql {
  num: number;
  id: string;
  ns: number;
  name: string;
  status: number;
  session: number | null;
  principal: string;
  revision: number;
  watermark: number;
  next_at: number | null;
  due_at: number | null;
  runs: number;
  failures: number;
  last_run: string | null;
  last_result: number | null;
  last_ended: number | null;
  created_at: number;
  updated_at: number;
  deleted_at: number | null;
  pause_reason: string | null;
  spec: string;
}

export interface OccurrenceSql {
  num: number;
  schedule: number;
  planned_at: number;
  origin: number;
  until: number;
  count: number;
  status: number;
  reason: string | null;
  decided_at: number;
  fired_at: number | null;
  lateness: number | null;
  run: string | null;
  result: number | null;
  ended_at: number | null;
  amiss_at: number | null;
  error: string | null;
  input: string | null;
  open: number | null;
}
